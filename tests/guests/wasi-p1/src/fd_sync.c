// Files and directories can be made durable.
#include "wasi.h"

static void files(void) {
  Fd fd = new_file("file", "");
  must_write(fd, "abc");
  CHECK_OK(__wasi_fd_datasync(fd));
  must_write(fd, "def");
  CHECK_OK(__wasi_fd_sync(fd));
  CHECK_OK(__wasi_fd_close(fd));
  CHECK_FILE("file", "abcdef");
}

static void a_reader(void) {
  make_file("file", "abc");
  Fd fd = must_open(ROOT, "file", 0, READING);
  CHECK_OK(__wasi_fd_sync(fd));
  CHECK_OK(__wasi_fd_close(fd));
}

// As one does after a rename.
static void directories(void) {
  make_dir("dir");
  Fd dir = open_dir("dir");
  CHECK_OK(__wasi_fd_sync(dir));
  CHECK_OK(__wasi_fd_close(dir));
}

int main(void) {
  RUN(files);
  RUN(a_reader);
  RUN(directories);
  return report();
}
