// The position after opening, reading, writing, and what else leaves it alone.
#include "wasi.h"

static void follows_every_move(void) {
  Fd fd = must_open(ROOT, "file", O_CREATE, BOTH);
  CHECK_EQ(tell(fd), 0);
  must_write(fd, "0123456789");
  CHECK_EQ(tell(fd), 10);
  __wasi_filesize_t at;
  CHECK_OK(__wasi_fd_seek(fd, 2, __WASI_WHENCE_SET, &at));
  char buffer[3];
  __wasi_size_t count;
  CHECK_OK(read_into(fd, buffer, 3, &count));
  CHECK_EQ(tell(fd), 5);
  CHECK_OK(__wasi_fd_close(fd));
}

static void does_not_shrink_with_the_file(void) {
  Fd fd = must_open(ROOT, "file", O_CREATE, BOTH);
  must_write(fd, "0123456789");
  CHECK_OK(__wasi_fd_filestat_set_size(fd, 4));
  CHECK_EQ(tell(fd), 10);
  CHECK_OK(__wasi_fd_close(fd));
}

static void each_opening_starts_at_zero(void) {
  make_file("file", "abc");
  Fd fd = must_open(ROOT, "file", 0, WRITING);
  CHECK_EQ(tell(fd), 0);
  CHECK_OK(__wasi_fd_close(fd));
}

int main(void) {
  RUN(follows_every_move);
  RUN(does_not_shrink_with_the_file);
  RUN(each_opening_starts_at_zero);
  return report();
}
