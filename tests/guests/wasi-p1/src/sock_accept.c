// Accepting without waiting: an error until someone connects. The other side connects, and once more when told to.
#include "socket.h"

static void without_waiting(void) {
  Fd server = listener();
  wait_readable(server);
  Fd first = accept_from(server);
  CHECK_OK(__wasi_fd_fdstat_set_flags(server, __WASI_FDFLAGS_NONBLOCK));
  Fd second = -1;
  CHECK_ERRNO(__wasi_sock_accept(server, 0, &second), E(AGAIN));
  must_send(first, "again");
  wait_readable(server);
  CHECK_OK(__wasi_sock_accept(server, __WASI_FDFLAGS_NONBLOCK, &second));
  CHECK(second != first);

  // The new one does not wait either.
  char buffer[8];
  __wasi_size_t count;
  CHECK_ERRNO(receive(second, buffer, sizeof buffer, 0, &count), E(AGAIN));
  must_send(second, "send");
  wait_readable(second);
  CHECK_OK(receive(second, buffer, sizeof buffer, 0, &count));
  CHECK_TEXT(buffer, count, "sent");
  CHECK_OK(__wasi_fd_close(first));
  CHECK_OK(__wasi_fd_close(second));
}

static void unknown_flags(void) {
  Fd fd;
  CHECK_ERRNO(__wasi_sock_accept(listener(), 1 << 5, &fd), E(INVAL));
}

int main(void) {
  RUN(without_waiting);
  RUN(unknown_flags);
  return report();
}
