// symlink, readlink and link.
#include "files.h"

static void symbolic(void) {
  CHECK_WORKS(symlink("file", "link"));
  ssize_t len = readlink("link", contents, sizeof contents);
  CHECK_TEXT(contents, (size_t)len, "file");
  CHECK_EQ(readlink("link", contents, 2), 2);
  CHECK_FILE("link", "abc");
  CHECK_FAILS(symlink("x", "link"), EEXIST);
  CHECK_FAILS(symlink("x", "missing/link"), ENOENT);
  CHECK_FAILS(symlink("", "empty"), ENOENT);
  CHECK_FAILS(readlink("file", contents, sizeof contents), EINVAL);
  CHECK_FAILS(readlink("missing", contents, sizeof contents), ENOENT);
}

static void hard(void) {
  CHECK_WORKS(link("file", "second"));
  struct stat first, second;
  MUST(stat("file", &first));
  MUST(stat("second", &second));
  CHECK(first.st_ino == second.st_ino && first.st_nlink == 2);
  CHECK_FAILS(link("file", "second"), EEXIST);
  CHECK_FAILS(link("missing", "x"), ENOENT);
  CHECK_FAILS(link("dir", "x"), EPERM);
  CHECK_FAILS(link("file", "file/x"), ENOTDIR);
  CHECK_WORKS(unlink("file"));
  CHECK_FILE("second", "abc");
  MUST(stat("second", &second));
  CHECK_EQ(second.st_nlink, 1);
}

int main(void) {
  make_file("file", "abc");
  make_dir("dir");
  RUN(symbolic);
  RUN(hard);
  return report();
}
