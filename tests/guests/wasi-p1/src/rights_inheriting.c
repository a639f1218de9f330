// What is opened through a directory gets no right that the directory does not pass on.
#include "wasi.h"

static Fd open_with(Fd from, const char *path, __wasi_rights_t rights, __wasi_rights_t inheriting) {
  Fd fd;
  REQUIRE(__wasi_path_open(from, FOLLOW, path, O_DIR, rights, inheriting, 0, &fd));
  return fd;
}

static void files(void) {
  Fd dir = open_with(ROOT, "dir", DIR_RIGHTS, READING);
  Fd fd;
  CHECK_OK(__wasi_path_open(dir, FOLLOW, "file", 0, READING, 0, 0, &fd));
  CHECK_OK(__wasi_fd_close(fd));
  CHECK_ERRNO(__wasi_path_open(dir, FOLLOW, "file", 0, BOTH, 0, 0, &fd), E(NOTCAPABLE));
  CHECK_ERRNO(__wasi_path_open(dir, FOLLOW, "new", O_CREATE, WRITING, 0, 0, &fd), E(NOTCAPABLE));
  CHECK(!exists("dir/new"));
  CHECK_OK(__wasi_fd_close(dir));
}

static void directories(void) {
  Fd dir = open_with(ROOT, "dir", DIR_RIGHTS, DIR_RIGHTS | READING);
  Fd sub = open_with(dir, "sub", DIR_RIGHTS, DIR_RIGHTS | READING);
  Fd fd;
  CHECK_ERRNO(__wasi_path_open(sub, FOLLOW, "file", 0, BOTH, 0, 0, &fd), E(NOTCAPABLE));
  CHECK_OK(__wasi_path_open(sub, FOLLOW, "file", 0, READING, 0, 0, &fd));
  CHECK_OK(__wasi_fd_close(fd));
  // Neither may it pass on more.
  CHECK_ERRNO(__wasi_path_open(dir, FOLLOW, "sub", O_DIR, DIR_RIGHTS, DIR_RIGHTS | BOTH, 0, &fd), E(NOTCAPABLE));
  CHECK_OK(__wasi_fd_close(sub));
  CHECK_OK(__wasi_fd_close(dir));
}

static void as_reported(void) {
  Fd dir = open_with(ROOT, "dir", DIR_RIGHTS, READING);
  Fdstat stat;
  CHECK_OK(__wasi_fd_fdstat_get(dir, &stat));
  CHECK_EQ(stat.fs_rights_inheriting, READING);
  CHECK_EQ(stat.fs_rights_base & ~DIR_RIGHTS, 0);
  CHECK_OK(__wasi_fd_close(dir));
}

int main(void) {
  make_dir("dir");
  make_dir("dir/sub");
  make_file("dir/file", "abc");
  make_file("dir/sub/file", "abc");
  RUN(files);
  RUN(directories);
  RUN(as_reported);
  return report();
}
