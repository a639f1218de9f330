// Hanging up one way and the other. The other side connects, reads to the end and only then answers `late`.
#include "socket.h"

static Fd fd;

static void unknown_ways(void) {
  CHECK_ERRNO(__wasi_sock_shutdown(fd, 0), E(INVAL));
  CHECK_ERRNO(__wasi_sock_shutdown(fd, 1 << 2), E(INVAL));
}

static void no_more_sending(void) {
  must_send(fd, "abc");
  CHECK_OK(__wasi_sock_shutdown(fd, __WASI_SDFLAGS_WR));
  __wasi_size_t count;
  CHECK_ERRNO(send_text(fd, "x", &count), E(PIPE));
  CHECK_ERRNO(write_text(fd, "x", &count), E(PIPE));
  // The other way still works.
  char buffer[8];
  CHECK_OK(receive(fd, buffer, sizeof buffer, 0, &count));
  CHECK_TEXT(buffer, count, "late");
}

static void no_more_receiving(void) {
  CHECK_OK(__wasi_sock_shutdown(fd, __WASI_SDFLAGS_RD));
  char buffer[8];
  __wasi_size_t count = 9;
  CHECK_OK(receive(fd, buffer, sizeof buffer, 0, &count));
  CHECK_EQ(count, 0);
  CHECK_OK(__wasi_fd_close(fd));
}

static void both_ways(void) {
  fd = accept_from(listener());
  CHECK_OK(__wasi_sock_shutdown(fd, __WASI_SDFLAGS_RD | __WASI_SDFLAGS_WR));
  CHECK_OK(__wasi_fd_close(fd));
}

int main(void) {
  fd = accept_from(listener());
  RUN(unknown_ways);
  RUN(no_more_sending);
  RUN(no_more_receiving);
  RUN(both_ways);
  return report();
}
