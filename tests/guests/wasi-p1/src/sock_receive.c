// Receiving: in parts, into several buffers, looking ahead, waiting for all, and by the functions for files.
// The other side sends `0123456789`, then `abcde` and `fgh` when told to, and hangs up.
#include "socket.h"

static Fd fd;
static char buffer[16];
static __wasi_size_t count;

static void looking_ahead(void) {
  wait_readable(fd);
  CHECK(events[0].fd_readwrite.nbytes >= 1 && events[0].fd_readwrite.nbytes <= 10);
  CHECK_OK(receive(fd, buffer, 4, __WASI_RIFLAGS_RECV_PEEK, &count));
  CHECK_TEXT(buffer, count, "0123");
  CHECK_OK(receive(fd, buffer, 2, __WASI_RIFLAGS_RECV_PEEK, &count));
  CHECK_TEXT(buffer, count, "01");
}

static void into_several_buffers(void) {
  char a[3], b[2];
  __wasi_iovec_t iovs[] = {{(uint8_t *)a, 3}, {NULL, 0}, {(uint8_t *)b, 2}};
  __wasi_roflags_t flags = 0xffff;
  CHECK_OK(__wasi_sock_recv(fd, iovs, 3, 0, &count, &flags));
  CHECK_EQ(count, 5);
  CHECK_EQ(flags, 0);
  CHECK_TEXT(a, 3, "012");
  CHECK_TEXT(b, 2, "34");
}

static void as_a_file(void) {
  CHECK_OK(read_into(fd, buffer, 2, &count));
  CHECK_TEXT(buffer, count, "56");
  CHECK_OK(receive(fd, buffer, 16, 0, &count));
  CHECK_TEXT(buffer, count, "789");
  must_write(fd, "more");
  __wasi_filesize_t at;
  CHECK_ERRNO(__wasi_fd_seek(fd, 0, __WASI_WHENCE_CUR, &at), E(SPIPE));
  CHECK_ERRNO(__wasi_fd_tell(fd, &at), E(SPIPE));
}

static void waiting_for_all(void) {
  // The other side sends `abcde`, waits for an answer and then sends `fgh`.
  wait_readable(fd);
  must_send(fd, "rest");
  CHECK_OK(receive(fd, buffer, 8, __WASI_RIFLAGS_RECV_WAITALL, &count));
  CHECK_TEXT(buffer, count, "abcdefgh");
}

static void the_end(void) {
  must_send(fd, "bye");
  wait_readable(fd);
  CHECK_OK(receive(fd, buffer, 8, 0, &count));
  CHECK_EQ(count, 0);
  CHECK_OK(read_into(fd, buffer, 8, &count));
  CHECK_EQ(count, 0);
}

static void unknown_flags(void) {
  __wasi_roflags_t flags;
  __wasi_iovec_t iov = {(uint8_t *)buffer, 1};
  CHECK_EITHER(__wasi_sock_recv(fd, &iov, 1, 1 << 2, &count, &flags), E(INVAL), E(NOTSUP));
  __wasi_ciovec_t out = {(uint8_t *)buffer, 1};
  CHECK_EITHER(__wasi_sock_send(fd, &out, 1, 1, &count), E(INVAL), E(NOTSUP));
}

int main(void) {
  fd = accept_from(listener());
  RUN(looking_ahead);
  RUN(into_several_buffers);
  RUN(as_a_file);
  RUN(waiting_for_all);
  RUN(the_end);
  RUN(unknown_flags);
  CHECK_OK(__wasi_fd_close(fd));
  return report();
}
