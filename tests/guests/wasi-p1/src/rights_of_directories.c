// A directory whose rights have shrunk refuses what it could do before; each function has its right.
#include "wasi.h"

static Fd dir_without(__wasi_rights_t rights) {
  Fd dir = open_dir("dir");
  Fdstat stat;
  REQUIRE(__wasi_fd_fdstat_get(dir, &stat));
  REQUIRE(__wasi_fd_fdstat_set_rights(dir, stat.fs_rights_base & ~rights, stat.fs_rights_inheriting));
  return dir;
}

static void each(void) {
  Fd dir = dir_without(DIR_RIGHTS);
  Filestat stat;
  uint8_t buffer[64];
  __wasi_size_t count;
  CHECK_ERRNO(__wasi_path_create_directory(dir, "new"), E(NOTCAPABLE));
  CHECK_ERRNO(__wasi_path_remove_directory(dir, "sub"), E(NOTCAPABLE));
  CHECK_ERRNO(__wasi_path_unlink_file(dir, "file"), E(NOTCAPABLE));
  CHECK_ERRNO(__wasi_path_symlink("x", dir, "new"), E(NOTCAPABLE));
  CHECK_ERRNO(__wasi_path_readlink(dir, "link", buffer, 64, &count), E(NOTCAPABLE));
  CHECK_ERRNO(__wasi_path_filestat_get(dir, 0, "file", &stat), E(NOTCAPABLE));
  CHECK_ERRNO(__wasi_path_filestat_set_times(dir, 0, "file", 0, 0, __WASI_FSTFLAGS_MTIM), E(NOTCAPABLE));
  CHECK_ERRNO(__wasi_path_rename(dir, "file", ROOT, "new"), E(NOTCAPABLE));
  CHECK_ERRNO(__wasi_path_rename(ROOT, "other", dir, "new"), E(NOTCAPABLE));
  CHECK_ERRNO(__wasi_path_link(dir, 0, "file", ROOT, "new"), E(NOTCAPABLE));
  CHECK_ERRNO(__wasi_path_link(ROOT, 0, "other", dir, "new"), E(NOTCAPABLE));
  CHECK_ERRNO(try_open(dir, FOLLOW, "file", 0, READING), E(NOTCAPABLE));
  CHECK_ERRNO(__wasi_fd_readdir(dir, buffer, 64, 0, &count), E(NOTCAPABLE));
  CHECK_FILE("dir/file", "abc");
  CHECK(!exists("new") && !exists("dir/new"));
  CHECK_OK(__wasi_fd_close(dir));
}

static void to_create(void) {
  Fd dir = dir_without(RIGHT(PATH_CREATE_FILE));
  CHECK_ERRNO(try_open(dir, FOLLOW, "new", O_CREATE, WRITING), E(NOTCAPABLE));
  CHECK(!exists("dir/new"));
  CHECK_OK(try_open(dir, FOLLOW, "file", 0, BOTH));
  CHECK_OK(__wasi_fd_close(dir));
}

static void to_truncate(void) {
  Fd dir = dir_without(RIGHT(PATH_FILESTAT_SET_SIZE));
  CHECK_ERRNO(try_open(dir, FOLLOW, "file", O_TRUNCATE, BOTH), E(NOTCAPABLE));
  CHECK_FILE("dir/file", "abc");
  CHECK_OK(try_open(dir, FOLLOW, "file", 0, BOTH));
  CHECK_OK(__wasi_fd_close(dir));
}

int main(void) {
  make_dir("dir");
  make_dir("dir/sub");
  make_file("dir/file", "abc");
  make_file("other", "");
  make_link("file", "dir/link");
  RUN(each);
  RUN(to_create);
  RUN(to_truncate);
  return report();
}
