// Renaming is about a link itself, never about what it points to.
#include "wasi.h"

static void a_link(void) {
  make_file("target", "abc");
  make_link("target", "link");
  CHECK_OK(__wasi_path_rename(ROOT, "link", ROOT, "renamed"));
  CHECK_EQ(type_of("renamed"), __WASI_FILETYPE_SYMBOLIC_LINK);
  CHECK(!exists("link"));
  CHECK_FILE("renamed", "abc");
}

static void a_dangling_one(void) {
  make_link("nowhere", "dangling");
  CHECK_OK(__wasi_path_rename(ROOT, "dangling", ROOT, "dangling2"));
  CHECK_EQ(type_of("dangling2"), __WASI_FILETYPE_SYMBOLIC_LINK);
}

static void over_a_link(void) {
  make_file("file", "new");
  CHECK_OK(__wasi_path_rename(ROOT, "file", ROOT, "renamed"));
  CHECK_EQ(type_of("renamed"), __WASI_FILETYPE_REGULAR_FILE);
  CHECK_FILE("renamed", "new");
  CHECK_FILE("target", "abc");
}

static void over_a_link_to_a_directory(void) {
  make_dir("dir");
  make_link("dir", "dir-link");
  make_file("file", "abc");
  CHECK_OK(__wasi_path_rename(ROOT, "file", ROOT, "dir-link"));
  CHECK_EQ(type_of("dir-link"), __WASI_FILETYPE_REGULAR_FILE);
  make_link("dir", "dir-link2");
  make_dir("dir2");
  CHECK_ERRNO(__wasi_path_rename(ROOT, "dir2", ROOT, "dir-link2"), E(NOTDIR));
}

static void below_a_link(void) {
  make_file("dir/file", "abc");
  CHECK_OK(__wasi_path_rename(ROOT, "dir-link2/file", ROOT, "dir-link2/moved"));
  CHECK_FILE("dir/moved", "abc");
}

int main(void) {
  RUN(a_link);
  RUN(a_dangling_one);
  RUN(over_a_link);
  RUN(over_a_link_to_a_directory);
  RUN(below_a_link);
  return report();
}
