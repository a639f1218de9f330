// Accepts a connection, sends back all it gets in upper case, and hangs up when the other side does.
#include "socket.h"

static void echo(void) {
  Fd fd = accept_from(listener());
  Fdstat stat;
  CHECK_OK(__wasi_fd_fdstat_get(fd, &stat));
  CHECK_EQ(stat.fs_filetype, __WASI_FILETYPE_SOCKET_STREAM);
  for (;;) {
    char buffer[4096];
    __wasi_size_t count = 0;
    REQUIRE(receive(fd, buffer, sizeof buffer, 0, &count));
    if (count == 0) break;
    for (size_t i = 0; i < count; i++) buffer[i] = buffer[i] >= 'a' && buffer[i] <= 'z' ? buffer[i] - 32 : buffer[i];
    for (size_t done = 0; done < count;) {
      // In two parts.
      size_t half = (count - done) / 2;
      __wasi_ciovec_t iovs[] = {{(uint8_t *)buffer + done, half},
                                {(uint8_t *)buffer + done + half, count - done - half}};
      __wasi_size_t sent = 0;
      REQUIRE(__wasi_sock_send(fd, iovs, 2, 0, &sent));
      if (!CHECK(sent > 0)) return;
      done += sent;
    }
  }
  CHECK_OK(__wasi_sock_shutdown(fd, __WASI_SDFLAGS_WR));
  CHECK_OK(__wasi_fd_close(fd));
}

static void a_second_time(void) { echo(); }

int main(void) {
  RUN(echo);
  RUN(a_second_time);
  return report();
}
