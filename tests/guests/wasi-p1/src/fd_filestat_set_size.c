// A file is made shorter, or longer with zeros.
#include "wasi.h"

static void shorter(void) {
  Fd fd = new_file("file", "0123456789");
  CHECK_OK(__wasi_fd_filestat_set_size(fd, 4));
  CHECK_EQ(size_of(fd), 4);
  CHECK_OK(__wasi_fd_close(fd));
  CHECK_FILE("file", "0123");
}

static void longer(void) {
  Fd fd = new_file("file", "abc");
  CHECK_OK(__wasi_fd_filestat_set_size(fd, 6));
  CHECK_EQ(size_of(fd), 6);
  CHECK_OK(__wasi_fd_close(fd));
  CHECK_EQ(read_file("file"), 6);
  CHECK(memcmp(contents, "abc\0\0\0", 6) == 0);
}

// What was cut off does not come back.
static void shorter_then_longer(void) {
  Fd fd = new_file("file", "secret");
  CHECK_OK(__wasi_fd_filestat_set_size(fd, 0));
  CHECK_OK(__wasi_fd_filestat_set_size(fd, 6));
  CHECK_OK(__wasi_fd_close(fd));
  CHECK_EQ(read_file("file"), 6);
  CHECK(memcmp(contents, "\0\0\0\0\0\0", 6) == 0);
}

static void without_the_right_to_write(void) {
  make_file("file", "abc");
  Fd fd = must_open(ROOT, "file", 0, READING);
  CHECK_ONE_OF(__wasi_fd_filestat_set_size(fd, 0), E(BADF), E(INVAL), E(NOTCAPABLE));
  CHECK_OK(__wasi_fd_close(fd));
  CHECK_FILE("file", "abc");
}

static void too_large(void) {
  Fd fd = new_file("file", "abc");
  CHECK_EITHER(__wasi_fd_filestat_set_size(fd, UINT64_MAX), E(INVAL), E(FBIG));
  CHECK_EITHER(__wasi_fd_filestat_set_size(fd, UINT64_C(1) << 63), E(INVAL), E(FBIG));
  CHECK_EQ(size_of(fd), 3);
  CHECK_OK(__wasi_fd_close(fd));
}

int main(void) {
  RUN(shorter);
  RUN(longer);
  RUN(shorter_then_longer);
  RUN(without_the_right_to_write);
  RUN(too_large);
  return report();
}
