// Files opened to append are written at their end, wherever the position is.
#include "wasi.h"

static Fd open_append(const char *path, __wasi_rights_t rights) {
  Fd fd;
  REQUIRE(__wasi_path_open(ROOT, FOLLOW, path, O_CREATE, rights, 0, __WASI_FDFLAGS_APPEND, &fd));
  return fd;
}

static void at_the_end(void) {
  make_file("file", "abc");
  Fd fd = open_append("file", BOTH);
  CHECK_EQ(tell(fd), 0);
  must_write(fd, "d");
  CHECK_EQ(tell(fd), 4);
  __wasi_filesize_t at;
  CHECK_OK(__wasi_fd_seek(fd, 1, __WASI_WHENCE_SET, &at));
  __wasi_size_t count;
  CHECK_OK(read_into(fd, contents, 2, &count));
  CHECK_TEXT(contents, count, "bc");
  must_write(fd, "e");
  CHECK_EQ(tell(fd), 5);
  CHECK_OK(__wasi_fd_close(fd));
  CHECK_FILE("file", "abcde");
}

static void two_writers(void) {
  Fd first = open_append("log", WRITING), second = open_append("log", WRITING);
  must_write(first, "1");
  must_write(second, "2");
  must_write(first, "3");
  must_write(second, "4");
  CHECK_OK(__wasi_fd_close(first));
  CHECK_OK(__wasi_fd_close(second));
  CHECK_FILE("log", "1234");
}

static void with_truncation(void) {
  Fd fd;
  REQUIRE(__wasi_path_open(ROOT, FOLLOW, "file", O_TRUNCATE, WRITING, 0, __WASI_FDFLAGS_APPEND, &fd));
  must_write(fd, "x");
  must_write(fd, "y");
  CHECK_OK(__wasi_fd_close(fd));
  CHECK_FILE("file", "xy");
}

int main(void) {
  RUN(at_the_end);
  RUN(two_writers);
  RUN(with_truncation);
  return report();
}
