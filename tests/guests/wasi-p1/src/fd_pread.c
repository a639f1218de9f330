// Reading at an offset leaves the position alone.
#include "wasi.h"

static void at_offsets(void) {
  Fd fd = new_file("file", "0123456789");
  char a[4], b[8] = "........";
  __wasi_iovec_t iovs[] = {{(uint8_t *)a, 4}, {(uint8_t *)b, 8}};
  __wasi_size_t count = 99;
  CHECK_OK(__wasi_fd_pread(fd, iovs, 1, 3, &count));
  CHECK_TEXT(a, count, "3456");
  CHECK_EQ(tell(fd), 0);
  CHECK_OK(__wasi_fd_pread(fd, iovs, 2, 4, &count));
  CHECK_EQ(count, 6);
  CHECK_TEXT(a, 4, "4567");
  CHECK_TEXT(b, 8, "89......");
  CHECK_EQ(tell(fd), 0);
  CHECK_OK(__wasi_fd_close(fd));
}

static void at_and_past_the_end(void) {
  Fd fd = new_file("file", "abc");
  char buffer[4];
  __wasi_iovec_t iov = {(uint8_t *)buffer, 4};
  __wasi_size_t count = 99;
  CHECK_OK(__wasi_fd_pread(fd, &iov, 1, 3, &count));
  CHECK_EQ(count, 0);
  count = 99;
  CHECK_OK(__wasi_fd_pread(fd, &iov, 1, 1000000, &count));
  CHECK_EQ(count, 0);
  count = 99;
  CHECK_OK(__wasi_fd_pread(fd, NULL, 0, 0, &count));
  CHECK_EQ(count, 0);
  CHECK_OK(__wasi_fd_close(fd));
}

// Offsets are signed for a host.
static void offsets_too_large(void) {
  Fd fd = new_file("file", "abc");
  char buffer[4];
  __wasi_iovec_t iov = {(uint8_t *)buffer, 4};
  __wasi_size_t count = 99;
  CHECK_ERRNO(__wasi_fd_pread(fd, &iov, 1, UINT64_MAX, &count), E(INVAL));
  CHECK_ERRNO(__wasi_fd_pread(fd, &iov, 1, UINT64_C(1) << 63, &count), E(INVAL));
  CHECK_EQ(count, 99);
  CHECK_OK(__wasi_fd_close(fd));
}

int main(void) {
  RUN(at_offsets);
  RUN(at_and_past_the_end);
  RUN(offsets_too_large);
  return report();
}
