// Copies its input to its output, more than a pipe holds at once.
#include <unistd.h>

int main(void) {
  static char buffer[10000];
  for (;;) {
    ssize_t count = read(STDIN_FILENO, buffer, sizeof buffer);
    if (count == 0) return 0;
    if (count < 0) return 1;
    for (ssize_t done = 0; done < count;) {
      ssize_t written = write(STDOUT_FILENO, buffer + done, (size_t)(count - done));
      if (written <= 0) return 2;
      done += written;
    }
  }
}
