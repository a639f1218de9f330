// Space for a part of a file: it gets as long as that, and never shorter.
#include "wasi.h"

static void makes_longer(void) {
  Fd fd = new_file("file", "abc");
  CHECK_OK(__wasi_fd_allocate(fd, 2, 8));
  CHECK_EQ(size_of(fd), 10);
  CHECK_EQ(tell(fd), 0);
  CHECK_OK(__wasi_fd_close(fd));
  CHECK_EQ(read_file("file"), 10);
  CHECK(memcmp(contents, "abc\0\0\0\0\0\0\0", 10) == 0);
}

static void never_shorter(void) {
  Fd fd = new_file("file", "0123456789");
  CHECK_OK(__wasi_fd_allocate(fd, 0, 2));
  CHECK_OK(__wasi_fd_allocate(fd, 4, 6));
  CHECK_EQ(size_of(fd), 10);
  CHECK_OK(__wasi_fd_close(fd));
  CHECK_FILE("file", "0123456789");
}

static void bad_ranges(void) {
  Fd fd = new_file("file", "abc");
  CHECK_ERRNO(__wasi_fd_allocate(fd, 0, 0), E(INVAL));
  CHECK_EITHER(__wasi_fd_allocate(fd, UINT64_MAX, 1), E(INVAL), E(FBIG));
  CHECK_EITHER(__wasi_fd_allocate(fd, 1, UINT64_MAX), E(INVAL), E(FBIG));
  CHECK_EITHER(__wasi_fd_allocate(fd, INT64_MAX, INT64_MAX), E(INVAL), E(FBIG));
  CHECK_EQ(size_of(fd), 3);
  CHECK_OK(__wasi_fd_close(fd));
}

static void not_for_reading_only(void) {
  make_file("file", "abc");
  Fd fd = must_open(ROOT, "file", 0, READING);
  CHECK_EITHER(__wasi_fd_allocate(fd, 0, 10), E(BADF), E(NOTCAPABLE));
  CHECK_EQ(size_of(fd), 3);
  CHECK_OK(__wasi_fd_close(fd));
}

int main(void) {
  RUN(makes_longer);
  RUN(never_shorter);
  RUN(bad_ranges);
  RUN(not_for_reading_only);
  return report();
}
