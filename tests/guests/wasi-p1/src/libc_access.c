// access and faccessat: what is there, and what is not.
#include "files.h"

static void existence(void) {
  CHECK_WORKS(access("file", F_OK));
  CHECK_WORKS(access("dir", F_OK));
  CHECK_WORKS(access("link", F_OK));
  CHECK_FAILS(access("dangling", F_OK), ENOENT);
  CHECK_FAILS(access("missing", F_OK), ENOENT);
  CHECK_FAILS(access("file/x", F_OK), ENOTDIR);
}

static void permissions(void) {
  CHECK_WORKS(access("file", R_OK));
  CHECK_WORKS(access("file", W_OK));
  CHECK_WORKS(access("dir", R_OK | X_OK));
  int dir = MUST(open("dir", O_RDONLY | O_DIRECTORY));
  CHECK_WORKS(faccessat(dir, "inner", R_OK, 0));
  CHECK_FAILS(faccessat(dir, "missing", R_OK, 0), ENOENT);
  CHECK_WORKS(close(dir));
}

int main(void) {
  make_file("file", "abc");
  make_dir("dir");
  make_file("dir/inner", "");
  make_link("file", "link");
  make_link("nowhere", "dangling");
  RUN(existence);
  RUN(permissions);
  return report();
}
