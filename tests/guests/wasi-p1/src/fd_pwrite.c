// Writing at an offset leaves the position alone, and what was skipped reads as zeros.
#include "wasi.h"

static void at_offsets(void) {
  Fd fd = new_file("file", "0123456789");
  __wasi_ciovec_t iovs[] = {{(const uint8_t *)"ab", 2}, {(const uint8_t *)"cd", 2}};
  __wasi_size_t written = 0;
  CHECK_OK(__wasi_fd_pwrite(fd, iovs, 2, 2, &written));
  CHECK_EQ(written, 4);
  CHECK_EQ(tell(fd), 0);
  must_write(fd, "X");
  CHECK_OK(__wasi_fd_pwrite(fd, iovs, 1, 9, &written));
  CHECK_EQ(written, 2);
  CHECK_EQ(tell(fd), 1);
  CHECK_OK(__wasi_fd_close(fd));
  CHECK_FILE("file", "X1abcd678ab");
}

static void past_the_end(void) {
  Fd fd = new_file("file", "abc");
  __wasi_ciovec_t iov = {(const uint8_t *)"Z", 1};
  __wasi_size_t written = 0;
  CHECK_OK(__wasi_fd_pwrite(fd, &iov, 1, 6, &written));
  CHECK_EQ(written, 1);
  CHECK_EQ(size_of(fd), 7);
  CHECK_OK(__wasi_fd_close(fd));
  CHECK_EQ(read_file("file"), 7);
  CHECK(memcmp(contents, "abc\0\0\0Z", 7) == 0);
}

static void nothing(void) {
  Fd fd = new_file("file", "abc");
  __wasi_size_t written = 99;
  CHECK_OK(__wasi_fd_pwrite(fd, NULL, 0, 100, &written));
  CHECK_EQ(written, 0);
  CHECK_EQ(size_of(fd), 3);
  CHECK_OK(__wasi_fd_close(fd));
}

static void offsets_too_large(void) {
  Fd fd = new_file("file", "abc");
  __wasi_ciovec_t iov = {(const uint8_t *)"Z", 1};
  __wasi_size_t written = 99;
  CHECK_EITHER(__wasi_fd_pwrite(fd, &iov, 1, UINT64_MAX, &written), E(INVAL), E(FBIG));
  CHECK_EITHER(__wasi_fd_pwrite(fd, &iov, 1, UINT64_C(1) << 63, &written), E(INVAL), E(FBIG));
  CHECK_EQ(written, 99);
  CHECK_EQ(size_of(fd), 3);
  CHECK_OK(__wasi_fd_close(fd));
}

int main(void) {
  RUN(at_offsets);
  RUN(past_the_end);
  RUN(nothing);
  RUN(offsets_too_large);
  return report();
}
