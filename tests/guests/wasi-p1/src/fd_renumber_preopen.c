// A preopened directory can be replaced; what replaces it is not preopened.
#include "wasi.h"

static void replaced(void) {
  make_dir("dir");
  make_file("dir/inner", "inner");
  Fd dir = open_dir("dir");
  CHECK_OK(__wasi_fd_renumber(dir, ROOT));
  Fdstat stat;
  CHECK_ERRNO(__wasi_fd_fdstat_get(dir, &stat), E(BADF));
  CHECK_FILE("inner", "inner");
  __wasi_prestat_t prestat;
  CHECK_ERRNO(__wasi_fd_prestat_get(ROOT, &prestat), E(BADF));
}

// Its number is given to something else like any other.
static void closed(void) {
  Fd file = new_file("file", "");
  Fd sub = open_dir(".");
  CHECK_OK(__wasi_fd_close(ROOT));
  CHECK_OK(__wasi_fd_close(file));
  Fd fd = must_open(sub, "file", 0, BOTH);
  __wasi_prestat_t prestat;
  CHECK_ERRNO(__wasi_fd_prestat_get(fd, &prestat), E(BADF));
  CHECK_OK(__wasi_fd_close(fd));
}

int main(void) {
  RUN(replaced);
  RUN(closed);
  return report();
}
