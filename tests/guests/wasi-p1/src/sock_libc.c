// A server by the C library: accepts, answers one line, hangs up. Its descriptor is found as in socket.h.
#include "check.h"
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>

static int listener(void) {
  struct stat stat;
  for (int fd = 3; fd < 10; fd++) {
    if (fstat(fd, &stat) == 0 && S_ISSOCK(stat.st_mode)) return fd;
  }
  return -1;
}

static void serve(void) {
  int server = MUST(listener());
  struct pollfd ready = {.fd = server, .events = POLLIN};
  CHECK_EQ(poll(&ready, 1, 10000), 1);
  CHECK(ready.revents & POLLIN);
  int fd = MUST(accept(server, NULL, NULL));
  char line[64];
  size_t len = 0;
  while (len < sizeof line - 1) {
    if (MUST(recv(fd, line + len, 1, 0)) == 0) break;
    if (line[len++] == '\n') break;
  }
  char answer[96];
  line[len] = 0;
  int answer_len = snprintf(answer, sizeof answer, "you said: %s", line);
  CHECK_EQ(send(fd, answer, (size_t)answer_len, 0), answer_len);
  CHECK_WORKS(shutdown(fd, SHUT_WR));
  CHECK_WORKS(close(fd));
}

int main(void) {
  RUN(serve);
  return report();
}
