// Flags can be changed on an open file: from now on, writes append, or no longer.
#include "wasi.h"

static int flags_of(Fd fd) {
  Fdstat stat = {.fs_flags = 0xffff};
  CHECK_OK(__wasi_fd_fdstat_get(fd, &stat));
  return stat.fs_flags;
}

static void append(void) {
  Fd fd = new_file("file", "abc");
  CHECK_OK(__wasi_fd_fdstat_set_flags(fd, __WASI_FDFLAGS_APPEND));
  CHECK_EQ(flags_of(fd), __WASI_FDFLAGS_APPEND);
  must_write(fd, "d");
  CHECK_EQ(tell(fd), 4);
  __wasi_filesize_t at;
  CHECK_OK(__wasi_fd_seek(fd, 0, __WASI_WHENCE_SET, &at));
  must_write(fd, "e");
  CHECK_OK(__wasi_fd_fdstat_set_flags(fd, 0));
  CHECK_EQ(flags_of(fd), 0);
  CHECK_OK(__wasi_fd_seek(fd, 0, __WASI_WHENCE_SET, &at));
  must_write(fd, "X");
  CHECK_OK(__wasi_fd_close(fd));
  CHECK_FILE("file", "Xbcde");
}

static void nonblock(void) {
  Fd fd = new_file("file", "abc");
  CHECK_OK(__wasi_fd_fdstat_set_flags(fd, __WASI_FDFLAGS_NONBLOCK));
  char buffer[4];
  __wasi_size_t count;
  // A file always answers.
  CHECK_OK(read_into(fd, buffer, 4, &count));
  CHECK_TEXT(buffer, count, "abc");
  CHECK_OK(__wasi_fd_fdstat_set_flags(fd, 0));
  CHECK_OK(__wasi_fd_close(fd));
}

static void unknown_flags(void) {
  Fd fd = new_file("file", "abc");
  CHECK_ERRNO(__wasi_fd_fdstat_set_flags(fd, 1 << 5), E(INVAL));
  CHECK_ERRNO(__wasi_fd_fdstat_set_flags(fd, 0x8000), E(INVAL));
  CHECK_EQ(flags_of(fd), 0);
  CHECK_OK(__wasi_fd_close(fd));
}

int main(void) {
  RUN(append);
  RUN(nonblock);
  RUN(unknown_flags);
  return report();
}
