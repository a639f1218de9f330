// mkdir and rmdir, and their errors.
#include "files.h"

static void works(void) {
  CHECK_WORKS(mkdir("a", 0755));
  CHECK_WORKS(mkdir("a/b", 0755));
  CHECK_WORKS(mkdir("a/c/", 0755));
  CHECK_WORKS(rmdir("a/b"));
  CHECK_WORKS(rmdir("a/c/"));
  CHECK_WORKS(rmdir("a"));
  CHECK(!exists("a"));
}

static void mkdir_errors(void) {
  CHECK_FAILS(mkdir("dir", 0755), EEXIST);
  CHECK_FAILS(mkdir("dir/", 0755), EEXIST);
  CHECK_FAILS(mkdir("file", 0755), EEXIST);
  CHECK_FAILS(mkdir("dangling", 0755), EEXIST);
  CHECK_FAILS(mkdir("missing/x", 0755), ENOENT);
  CHECK_FAILS(mkdir("file/x", 0755), ENOTDIR);
  CHECK_FAILS(mkdir(".", 0755), EEXIST);
}

static void rmdir_errors(void) {
  CHECK_FAILS(rmdir("dir"), ENOTEMPTY);
  CHECK_FAILS(rmdir("file"), ENOTDIR);
  CHECK_FAILS(rmdir("file/"), ENOTDIR);
  CHECK_FAILS(rmdir("dir-link"), ENOTDIR);
  CHECK_FAILS(rmdir("dangling"), ENOTDIR);
  CHECK_FAILS(rmdir("missing"), ENOENT);
  CHECK_FAILS(rmdir("dir/inner/."), EINVAL);
  CHECK(exists("dir/inner"));
}

int main(void) {
  make_dir("dir");
  make_dir("dir/inner");
  make_file("file", "abc");
  make_link("nowhere", "dangling");
  make_link("dir", "dir-link");
  RUN(works);
  RUN(mkdir_errors);
  RUN(rmdir_errors);
  return report();
}
