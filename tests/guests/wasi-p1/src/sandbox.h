// Every function that takes a path, with one that leads out of the directory it starts from.
#pragma once

#include "wasi.h"

// For paths whose last part is not the link that leads out: those that act on a link itself may do that.
static inline void check_refused(Fd dir, const char *path) {
  int before = failures;
  Filestat stat;
  uint8_t buffer[64];
  __wasi_size_t used;
  CHECK_ERRNO(try_open(dir, FOLLOW, path, 0, READING), E(NOTCAPABLE));
  CHECK_ERRNO(try_open(dir, NOFOLLOW, path, 0, READING), E(NOTCAPABLE));
  CHECK_ERRNO(try_open(dir, FOLLOW, path, O_CREATE, WRITING), E(NOTCAPABLE));
  CHECK_ERRNO(try_open(dir, FOLLOW, path, O_CREATE | O_EXCLUSIVE, WRITING), E(NOTCAPABLE));
  CHECK_ERRNO(try_open(dir, FOLLOW, path, O_TRUNCATE, WRITING), E(NOTCAPABLE));
  CHECK_ERRNO(try_open(dir, FOLLOW, path, O_DIR, DIR_RIGHTS), E(NOTCAPABLE));
  CHECK_ERRNO(__wasi_path_create_directory(dir, path), E(NOTCAPABLE));
  CHECK_ERRNO(__wasi_path_remove_directory(dir, path), E(NOTCAPABLE));
  CHECK_ERRNO(__wasi_path_unlink_file(dir, path), E(NOTCAPABLE));
  CHECK_ERRNO(__wasi_path_filestat_get(dir, FOLLOW, path, &stat), E(NOTCAPABLE));
  CHECK_ERRNO(__wasi_path_filestat_get(dir, NOFOLLOW, path, &stat), E(NOTCAPABLE));
  CHECK_ERRNO(__wasi_path_filestat_set_times(dir, FOLLOW, path, 0, 0, __WASI_FSTFLAGS_MTIM), E(NOTCAPABLE));
  CHECK_ERRNO(__wasi_path_filestat_set_times(dir, NOFOLLOW, path, 0, 0, __WASI_FSTFLAGS_MTIM), E(NOTCAPABLE));
  CHECK_ERRNO(__wasi_path_readlink(dir, path, buffer, sizeof buffer, &used), E(NOTCAPABLE));
  CHECK_ERRNO(__wasi_path_rename(dir, path, dir, "new"), E(NOTCAPABLE));
  CHECK_ERRNO(__wasi_path_rename(dir, "file", dir, path), E(NOTCAPABLE));
  CHECK_ERRNO(__wasi_path_link(dir, 0, path, dir, "new"), E(NOTCAPABLE));
  CHECK_ERRNO(__wasi_path_link(dir, 0, "file", dir, path), E(NOTCAPABLE));
  CHECK_ERRNO(__wasi_path_symlink("x", dir, path), E(NOTCAPABLE));
  if (failures > before) {
    say("  with the path ");
    say(path);
    say("\n");
  }
}
