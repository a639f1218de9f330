// Descriptors: dup, fcntl, pipes, poll, select, terminals.
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/select.h>
#include <unistd.h>

int main(void) {
  char buf[16] = {0};
  int p[2];
  printf("pipe %d\n", pipe(p));
  printf("write %d\n", (int)write(p[1], "hello", 5));
  printf("read %d %s\n", (int)read(p[0], buf, 3), buf);
  printf("read %d\n", (int)read(p[0], buf, 10));
  printf("empty %d\n", read(p[0], buf, 10) < 0 && errno == EAGAIN);
  int fd = open("/tmp/f", O_CREAT | O_RDWR, 0644);
  printf("getfl %d\n", (fcntl(fd, F_GETFL) & O_ACCMODE) == O_RDWR);
  printf("setfl %d\n", fcntl(fd, F_SETFL, O_APPEND | O_RDWR));
  printf("append %d\n", (fcntl(fd, F_GETFL) & O_APPEND) != 0);
  printf("dup higher %d\n", fcntl(fd, F_DUPFD, 20) >= 20);
  printf("cloexec %d\n", fcntl(fd, F_SETFD, FD_CLOEXEC));
  struct flock l = {.l_type = F_WRLCK};
  printf("lock %d\n", fcntl(fd, F_SETLK, &l));
  struct pollfd pf[2] = {{fd, POLLIN | POLLOUT, 0}, {99, POLLIN, 0}};
  int n = poll(pf, 1, 0);
  printf("poll %d %d\n", n, pf[0].revents == (POLLIN | POLLOUT));
  fd_set r, w;
  FD_ZERO(&r); FD_ZERO(&w); FD_SET(fd, &r); FD_SET(fd, &w);
  struct timeval tv = {0, 0};
  printf("select %d\n", select(fd + 1, &r, &w, NULL, &tv));
  printf("isatty %d %d %d %d\n", isatty(0), isatty(1), isatty(2), isatty(fd));
  printf("bad %d\n", dup(77) < 0 && errno == EBADF);
  int out = dup(1);
  write(out, "by dup\n", 7);
  close(out);
  write(1, "still open\n", 11);
  return 0;
}
