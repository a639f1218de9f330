// poll and select on files, closed descriptors and nothing.
#include "files.h"
#include <poll.h>
#include <sys/select.h>

static void files(void) {
  int fd = MUST(open("file", O_RDWR | O_CREAT, 0644));
  CHECK_EQ(write(fd, "abc", 3), 3);
  CHECK_EQ(lseek(fd, 0, SEEK_SET), 0);
  struct pollfd one = {.fd = fd, .events = POLLIN};
  CHECK_EQ(poll(&one, 1, 10000), 1);
  CHECK(one.revents & POLLIN);
  one = (struct pollfd){.fd = fd, .events = POLLOUT};
  CHECK_EQ(poll(&one, 1, 10000), 1);
  CHECK(one.revents & POLLOUT);
  fd_set set;
  FD_ZERO(&set);
  FD_SET(fd, &set);
  CHECK_EQ(select(fd + 1, &set, NULL, NULL, &(struct timeval){10, 0}), 1);
  CHECK(FD_ISSET(fd, &set));
  CHECK_WORKS(close(fd));
}

static void closed(void) {
  int fd = MUST(open("file", O_RDONLY));
  CHECK_WORKS(close(fd));
  struct pollfd one = {.fd = fd, .events = POLLIN};
  CHECK_EQ(poll(&one, 1, 10000), 1);
  CHECK_EQ(one.revents, POLLNVAL);
}

int main(void) {
  RUN(files);
  RUN(closed);
  return report();
}
