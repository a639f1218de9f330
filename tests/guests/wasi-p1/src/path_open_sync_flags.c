// The flags for synchronized writing are taken, or refused as not supported; other flags are errors.
#include "wasi.h"

static void synchronized(void) {
  static const __wasi_fdflags_t flags[] = {__WASI_FDFLAGS_DSYNC, __WASI_FDFLAGS_SYNC, __WASI_FDFLAGS_RSYNC,
                                           __WASI_FDFLAGS_DSYNC | __WASI_FDFLAGS_APPEND};
  for (size_t i = 0; i < COUNT_OF(flags); i++) {
    Fd fd;
    Errno error = __wasi_path_open(ROOT, FOLLOW, "file", O_CREATE | O_TRUNCATE, BOTH, 0, flags[i], &fd);
    CHECK_EITHER(error, E(SUCCESS), E(NOTSUP));
    if (error != 0) continue;
    must_write(fd, "abc");
    CHECK_OK(__wasi_fd_close(fd));
    CHECK_FILE("file", "abc");
  }
}

static void unknown_flags(void) {
  Fd fd;
  CHECK_ERRNO(__wasi_path_open(ROOT, FOLLOW, "new", O_CREATE, BOTH, 0, 1 << 5, &fd), E(INVAL));
  CHECK_ERRNO(__wasi_path_open(ROOT, FOLLOW, "new", O_CREATE | 1 << 4, BOTH, 0, 0, &fd), E(INVAL));
  CHECK_ERRNO(__wasi_path_open(ROOT, 1 << 1, "new", O_CREATE, BOTH, 0, 0, &fd), E(INVAL));
  CHECK(!exists("new"));
}

int main(void) {
  RUN(synchronized);
  RUN(unknown_flags);
  return report();
}
