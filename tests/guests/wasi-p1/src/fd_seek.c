// Moving the position from the start, from where it is and from the end.
#include "wasi.h"

static __wasi_filesize_t at;

static void all_bases(void) {
  Fd fd = new_file("file", "0123456789");
  CHECK_OK(__wasi_fd_seek(fd, 4, __WASI_WHENCE_SET, &at));
  CHECK_EQ(at, 4);
  CHECK_OK(__wasi_fd_seek(fd, 3, __WASI_WHENCE_CUR, &at));
  CHECK_EQ(at, 7);
  CHECK_OK(__wasi_fd_seek(fd, -5, __WASI_WHENCE_CUR, &at));
  CHECK_EQ(at, 2);
  CHECK_OK(__wasi_fd_seek(fd, -1, __WASI_WHENCE_END, &at));
  CHECK_EQ(at, 9);
  CHECK_OK(__wasi_fd_seek(fd, 0, __WASI_WHENCE_END, &at));
  CHECK_EQ(at, 10);
  CHECK_OK(__wasi_fd_seek(fd, 0, __WASI_WHENCE_SET, &at));
  CHECK_EQ(at, 0);
  CHECK_OK(__wasi_fd_close(fd));
}

static void before_the_start(void) {
  Fd fd = new_file("file", "0123456789");
  CHECK_OK(__wasi_fd_seek(fd, 3, __WASI_WHENCE_SET, &at));
  CHECK_ERRNO(__wasi_fd_seek(fd, -1, __WASI_WHENCE_SET, &at), E(INVAL));
  CHECK_ERRNO(__wasi_fd_seek(fd, -4, __WASI_WHENCE_CUR, &at), E(INVAL));
  CHECK_ERRNO(__wasi_fd_seek(fd, -11, __WASI_WHENCE_END, &at), E(INVAL));
  CHECK_ERRNO(__wasi_fd_seek(fd, INT64_MIN, __WASI_WHENCE_CUR, &at), E(INVAL));
  CHECK_EQ(tell(fd), 3);
  CHECK_OK(__wasi_fd_close(fd));
}

static void past_the_end(void) {
  Fd fd = new_file("file", "abc");
  CHECK_OK(__wasi_fd_seek(fd, 100, __WASI_WHENCE_END, &at));
  CHECK_EQ(at, 103);
  CHECK_EQ(size_of(fd), 3);
  char byte;
  __wasi_size_t count = 9;
  CHECK_OK(read_into(fd, &byte, 1, &count));
  CHECK_EQ(count, 0);
  CHECK_OK(__wasi_fd_seek(fd, 5, __WASI_WHENCE_SET, &at));
  must_write(fd, "x");
  CHECK_OK(__wasi_fd_close(fd));
  CHECK_EQ(read_file("file"), 6);
  CHECK(memcmp(contents, "abc\0\0x", 6) == 0);
}

static void beyond_64_bits(void) {
  Fd fd = new_file("file", "abc");
  CHECK_OK(__wasi_fd_seek(fd, 1, __WASI_WHENCE_SET, &at));
  CHECK_EITHER(__wasi_fd_seek(fd, INT64_MAX, __WASI_WHENCE_CUR, &at), E(INVAL), E(OVERFLOW));
  CHECK_EITHER(__wasi_fd_seek(fd, INT64_MAX, __WASI_WHENCE_END, &at), E(INVAL), E(OVERFLOW));
  CHECK_EQ(tell(fd), 1);
  CHECK_OK(__wasi_fd_close(fd));
}

static void unknown_base(void) {
  Fd fd = new_file("file", "abc");
  CHECK_ERRNO(__wasi_fd_seek(fd, 0, 3, &at), E(INVAL));
  CHECK_ERRNO(__wasi_fd_seek(fd, 0, 255, &at), E(INVAL));
  CHECK_OK(__wasi_fd_close(fd));
}

int main(void) {
  RUN(all_bases);
  RUN(before_the_start);
  RUN(past_the_end);
  RUN(beyond_64_bits);
  RUN(unknown_base);
  return report();
}
