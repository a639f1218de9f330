// The rights asked for decide what can be done with a file: reading, writing, both, or neither.
#include "wasi.h"

static __wasi_size_t count;
static char buffer[8];

static void reading(void) {
  Fd fd = must_open(ROOT, "file", 0, RIGHT(FD_READ));
  CHECK_OK(read_into(fd, buffer, 8, &count));
  CHECK_TEXT(buffer, count, "abc");
  CHECK_ERRNO(write_text(fd, "x", &count), E(BADF));
  CHECK_OK(__wasi_fd_close(fd));
}

static void writing(void) {
  Fd fd = must_open(ROOT, "file", 0, RIGHT(FD_WRITE));
  CHECK_ERRNO(read_into(fd, buffer, 8, &count), E(BADF));
  must_write(fd, "x");
  CHECK_OK(__wasi_fd_close(fd));
  CHECK_FILE("file", "xbc");
}

static void both(void) {
  Fd fd = must_open(ROOT, "file", 0, RIGHT(FD_READ) | RIGHT(FD_WRITE));
  must_write(fd, "a");
  CHECK_OK(read_into(fd, buffer, 8, &count));
  CHECK_TEXT(buffer, count, "bc");
  CHECK_OK(__wasi_fd_close(fd));
}

static void neither(void) {
  Fd fd = must_open(ROOT, "file", 0, 0);
  CHECK_EITHER(read_into(fd, buffer, 8, &count), E(BADF), E(NOTCAPABLE));
  CHECK_EITHER(write_text(fd, "x", &count), E(BADF), E(NOTCAPABLE));
  CHECK_OK(__wasi_fd_close(fd));
  CHECK_FILE("file", "abc");
}

// A directory may be asked for all rights; it does not get those it has no use for.
static void of_a_directory(void) {
  make_dir("dir");
  Fd fd = must_open(ROOT, "dir", O_DIR, DIR_RIGHTS | READING);
  Fdstat stat;
  CHECK_OK(__wasi_fd_fdstat_get(fd, &stat));
  CHECK((stat.fs_rights_base & RIGHT(FD_SEEK)) == 0);
  CHECK((stat.fs_rights_base & RIGHT(PATH_OPEN)) != 0);
  CHECK_OK(__wasi_fd_close(fd));
}

int main(void) {
  make_file("file", "abc");
  RUN(reading);
  RUN(writing);
  RUN(both);
  RUN(neither);
  RUN(of_a_directory);
  return report();
}
