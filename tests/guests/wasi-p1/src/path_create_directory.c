// Directories are created where there was nothing, below a directory that is there.
#include "wasi.h"

static void creates(void) {
  CHECK_OK(__wasi_path_create_directory(ROOT, "dir"));
  CHECK_EQ(type_of("dir"), __WASI_FILETYPE_DIRECTORY);
  CHECK_OK(__wasi_path_create_directory(ROOT, "dir/sub"));
  CHECK_OK(__wasi_path_create_directory(ROOT, "dir/./sub/../sub2"));
  CHECK_EQ(type_of("dir/sub2"), __WASI_FILETYPE_DIRECTORY);
  Fd dir = open_dir("dir");
  CHECK_OK(__wasi_path_create_directory(dir, "sub/deep"));
  CHECK_EQ(type_of("dir/sub/deep"), __WASI_FILETYPE_DIRECTORY);
  CHECK_OK(__wasi_fd_close(dir));
}

static void with_trailing_slashes(void) {
  CHECK_OK(__wasi_path_create_directory(ROOT, "slash/"));
  CHECK_OK(__wasi_path_create_directory(ROOT, "slashes//"));
  CHECK_EQ(type_of("slash"), __WASI_FILETYPE_DIRECTORY);
  CHECK_EQ(type_of("slashes"), __WASI_FILETYPE_DIRECTORY);
}

static void not_over_something(void) {
  make_file("file", "abc");
  make_link("nowhere", "dangling");
  make_link("dir", "link");
  CHECK_ERRNO(__wasi_path_create_directory(ROOT, "dir"), E(EXIST));
  CHECK_ERRNO(__wasi_path_create_directory(ROOT, "dir/"), E(EXIST));
  CHECK_ERRNO(__wasi_path_create_directory(ROOT, "file"), E(EXIST));
  CHECK_ERRNO(__wasi_path_create_directory(ROOT, "link"), E(EXIST));
  CHECK_ERRNO(__wasi_path_create_directory(ROOT, "dangling"), E(EXIST));
  CHECK(!exists("nowhere"));
  CHECK_ERRNO(__wasi_path_create_directory(ROOT, "."), E(EXIST));
}

static void not_below_something_else(void) {
  CHECK_ERRNO(__wasi_path_create_directory(ROOT, "missing/dir"), E(NOENT));
  CHECK_ERRNO(__wasi_path_create_directory(ROOT, "file/dir"), E(NOTDIR));
  CHECK_ERRNO(__wasi_path_create_directory(ROOT, "dangling/dir"), E(NOENT));
  CHECK_ERRNO(__wasi_path_create_directory(ROOT, ""), E(NOENT));
  Fd fd = must_open(ROOT, "file", 0, READING);
  CHECK_ERRNO(__wasi_path_create_directory(fd, "dir"), E(NOTDIR));
  CHECK_OK(__wasi_fd_close(fd));
}

int main(void) {
  RUN(creates);
  RUN(with_trailing_slashes);
  RUN(not_over_something);
  RUN(not_below_something_else);
  return report();
}
