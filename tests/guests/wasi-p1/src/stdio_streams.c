// Both output streams, with text, single characters, numbers and bytes that are no text.
#include <errno.h>
#include <stdio.h>
#include <unistd.h>

int main(void) {
  printf("one %d %s %.3f %c\n", 1, "two", 3.25, '4');
  fprintf(stderr, "to stderr\n");
  fputs("no newline", stdout);
  fflush(stdout);
  putchar(' ');
  puts("then one");
  fwrite("\0\xff\x80\n", 1, 4, stdout);
  fflush(stdout);
  if (write(STDOUT_FILENO, "raw\n", 4) != 4) return 1;
  errno = ENOENT;
  perror("perror");
  return 3;
}
