// Sockets. Among the first descriptors there is one that listens; tests/conformance/peers.rs has the other side.
#pragma once

#include "poll.h"

static inline Fd listener(void) {
  for (Fd fd = 3; fd < 10; fd++) {
    Fdstat stat;
    if (__wasi_fd_fdstat_get(fd, &stat) == 0 && stat.fs_filetype == __WASI_FILETYPE_SOCKET_STREAM) return fd;
  }
  say("there is no listening socket\n");
  _Exit(1);
}

static inline Fd accept_from(Fd listener) {
  Fd fd;
  REQUIRE(__wasi_sock_accept(listener, 0, &fd));
  return fd;
}

static inline Errno receive(Fd fd, void *buffer, size_t len, __wasi_riflags_t flags, __wasi_size_t *count) {
  __wasi_iovec_t iov = {buffer, len};
  __wasi_roflags_t out = 0xffff;
  Errno error = __wasi_sock_recv(fd, &iov, 1, flags, count, &out);
  if (error == 0) CHECK_EQ(out, 0);
  return error;
}

static inline Errno send_text(Fd fd, const char *text, __wasi_size_t *count) {
  __wasi_ciovec_t iov = {(const uint8_t *)text, strlen(text)};
  return __wasi_sock_send(fd, &iov, 1, 0, count);
}

static inline void must_send(Fd fd, const char *text) {
  __wasi_size_t count = 0;
  REQUIRE(send_text(fd, text, &count));
  if (!CHECK_EQ(count, strlen(text))) _Exit(1);
}

static inline void wait_readable(Fd fd) {
  __wasi_subscription_t subscription = on_fd(1, __WASI_EVENTTYPE_FD_READ, fd);
  CHECK_EQ(wait_for(&subscription, 1), 1);
  CHECK_EQ(events[0].error, 0);
}
