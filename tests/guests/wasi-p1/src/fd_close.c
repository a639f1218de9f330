// Closing: files, directories, preopened ones and streams; once each.
#include "wasi.h"

static void twice(void) {
  Fd fd = new_file("file", "abc");
  CHECK_OK(__wasi_fd_close(fd));
  CHECK_ERRNO(__wasi_fd_close(fd), E(BADF));
}

static void a_directory(void) {
  make_dir("dir");
  Fd fd = open_dir("dir");
  CHECK_OK(__wasi_fd_close(fd));
  CHECK_ERRNO(try_open(fd, FOLLOW, ".", O_DIR, DIR_RIGHTS), E(BADF));
}

// What was opened through it stays open.
static void the_directory_of_a_file(void) {
  Fd dir = open_dir("dir");
  Fd fd = must_open(dir, "file", O_CREATE, BOTH);
  CHECK_OK(__wasi_fd_close(dir));
  must_write(fd, "abc");
  CHECK_OK(__wasi_fd_close(fd));
  CHECK_FILE("dir/file", "abc");
}

static void streams(void) {
  __wasi_size_t count;
  CHECK_OK(__wasi_fd_close(0));
  CHECK_OK(__wasi_fd_close(2));
  CHECK_ERRNO(__wasi_fd_close(0), E(BADF));
  CHECK_ERRNO(write_text(2, "x", &count), E(BADF));
}

static void a_preopened_directory(void) {
  CHECK_OK(__wasi_fd_close(ROOT));
  CHECK_ERRNO(try_open(ROOT, FOLLOW, ".", O_DIR, DIR_RIGHTS), E(BADF));
  __wasi_prestat_t prestat;
  CHECK_ERRNO(__wasi_fd_prestat_get(ROOT, &prestat), E(BADF));
}

int main(void) {
  RUN(twice);
  RUN(a_directory);
  RUN(the_directory_of_a_file);
  RUN(streams);
  RUN(a_preopened_directory);
  return report();
}
