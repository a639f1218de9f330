// Empty directories are removed, and nothing else.
#include "wasi.h"

static void empty_ones(void) {
  make_dir("dir");
  make_dir("slash");
  make_dir("slashes");
  CHECK_OK(__wasi_path_remove_directory(ROOT, "dir"));
  CHECK_OK(__wasi_path_remove_directory(ROOT, "slash/"));
  CHECK_OK(__wasi_path_remove_directory(ROOT, "slashes//"));
  CHECK(!exists("dir") && !exists("slash") && !exists("slashes"));
}

static void not_others(void) {
  make_dir("full");
  make_file("full/file", "abc");
  CHECK_ERRNO(__wasi_path_remove_directory(ROOT, "full"), E(NOTEMPTY));
  CHECK_ERRNO(__wasi_path_remove_directory(ROOT, "full/file"), E(NOTDIR));
  CHECK_ERRNO(__wasi_path_remove_directory(ROOT, "full/file/"), E(NOTDIR));
  CHECK_ERRNO(__wasi_path_remove_directory(ROOT, "missing"), E(NOENT));
  CHECK_ERRNO(__wasi_path_remove_directory(ROOT, "missing/dir"), E(NOENT));
  CHECK_ERRNO(__wasi_path_remove_directory(ROOT, ""), E(NOENT));
  CHECK_FILE("full/file", "abc");
}

static void not_links(void) {
  make_dir("target");
  make_link("target", "link");
  make_link("nowhere", "dangling");
  CHECK_ERRNO(__wasi_path_remove_directory(ROOT, "link"), E(NOTDIR));
  CHECK_ERRNO(__wasi_path_remove_directory(ROOT, "dangling"), E(NOTDIR));
  CHECK(exists("target") && exists("link"));
}

// Linux has no name for what `.` is an entry of.
static void not_the_current_one(void) {
  CHECK_ONE_OF(__wasi_path_remove_directory(ROOT, "."), E(INVAL), E(BUSY), E(NOTEMPTY));
  CHECK_ONE_OF(__wasi_path_remove_directory(ROOT, "target/."), E(INVAL));
  CHECK_ONE_OF(__wasi_path_remove_directory(ROOT, "full/.."), E(NOTEMPTY), E(INVAL), E(BUSY));
  CHECK(exists("target"));
}

// Its descriptor stays, and can do nothing more.
static void an_open_one(void) {
  make_dir("open");
  Fd dir = open_dir("open");
  CHECK_OK(__wasi_path_remove_directory(ROOT, "open"));
  CHECK_ERRNO(try_open(dir, FOLLOW, "new", O_CREATE, WRITING), E(NOENT));
  Fdstat stat;
  CHECK_OK(__wasi_fd_fdstat_get(dir, &stat));
  CHECK_OK(__wasi_fd_close(dir));
}

int main(void) {
  RUN(empty_ones);
  RUN(not_others);
  RUN(not_links);
  RUN(not_the_current_one);
  RUN(an_open_one);
  return report();
}
