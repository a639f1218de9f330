// Writing overwrites, extends, and gathers from several buffers.
#include "wasi.h"

static void overwrites_and_extends(void) {
  Fd fd = new_file("file", "0123456789");
  __wasi_filesize_t position;
  CHECK_OK(__wasi_fd_seek(fd, 8, __WASI_WHENCE_SET, &position));
  must_write(fd, "abcd");
  CHECK_EQ(tell(fd), 12);
  CHECK_EQ(size_of(fd), 12);
  CHECK_OK(__wasi_fd_close(fd));
  CHECK_FILE("file", "01234567abcd");
}

static void gathers(void) {
  Fd fd = new_file("file", "");
  __wasi_ciovec_t iovs[] = {{(const uint8_t *)"one ", 4}, {(const uint8_t *)"", 0}, {(const uint8_t *)"two ", 4},
                            {(const uint8_t *)"three", 5}};
  __wasi_size_t written = 0;
  CHECK_OK(__wasi_fd_write(fd, iovs, COUNT_OF(iovs), &written));
  CHECK_EQ(written, 13);
  CHECK_OK(__wasi_fd_close(fd));
  CHECK_FILE("file", "one two three");
}

static void nothing(void) {
  Fd fd = new_file("file", "abc");
  __wasi_size_t written = 99;
  CHECK_OK(__wasi_fd_write(fd, NULL, 0, &written));
  CHECK_EQ(written, 0);
  written = 99;
  CHECK_OK(write_text(fd, "", &written));
  CHECK_EQ(written, 0);
  CHECK_EQ(tell(fd), 0);
  CHECK_OK(__wasi_fd_close(fd));
  CHECK_FILE("file", "abc");
}

int main(void) {
  RUN(overwrites_and_extends);
  RUN(gathers);
  RUN(nothing);
  return report();
}
