// rename and its errors.
#include "files.h"

static void works(void) {
  CHECK_WORKS(rename("file", "renamed"));
  CHECK_WORKS(rename("renamed", "full/moved"));
  CHECK_WORKS(rename("full/moved", "file"));
  make_dir("dir2");
  CHECK_WORKS(rename("dir2", "empty"));
  CHECK_WORKS(rename("empty/", "empty2/"));
  CHECK_WORKS(rename("empty2", "empty"));
  CHECK_WORKS(rename("file", "file"));
  CHECK_FILE("file", "abc");
}

static void errors(void) {
  CHECK_FAILS(rename("missing", "x"), ENOENT);
  CHECK_FAILS(rename("file", "missing/x"), ENOENT);
  CHECK_FAILS(rename("file/x", "x"), ENOTDIR);
  CHECK_FAILS(rename("file", "full"), EISDIR);
  CHECK_FAILS(rename("full", "file"), ENOTDIR);
  CHECK_FAILS(rename("empty", "full"), ENOTEMPTY);
  CHECK_FAILS(rename("full", "full/inner/x"), EINVAL);
  CHECK_FAILS(rename("full/inner", "full"), ENOTEMPTY);
  CHECK_FAILS(rename("file/", "x"), ENOTDIR);
  CHECK_FAILS(rename("file", "x/"), ENOTDIR);
  CHECK_FAILS(rename("file", "empty/"), ENOTDIR);
  CHECK_FAILS(rename("full", "dangling"), ENOTDIR);
  CHECK(!exists("x") && exists("full/inner"));
  CHECK_FILE("file", "abc");
}

int main(void) {
  make_file("file", "abc");
  make_dir("empty");
  make_dir("full");
  make_dir("full/inner");
  make_link("nowhere", "dangling");
  RUN(works);
  RUN(errors);
  return report();
}
