// A trailing slash opens directories only, and creates nothing.
#include "wasi.h"

static void directories(void) {
  CHECK_OK(try_open(ROOT, FOLLOW, "dir/", O_DIR, DIR_RIGHTS));
  CHECK_OK(try_open(ROOT, FOLLOW, "dir/", 0, DIR_RIGHTS));
  CHECK_OK(try_open(ROOT, FOLLOW, "dir///", 0, DIR_RIGHTS));
  CHECK_OK(try_open(ROOT, FOLLOW, "dir-link/", 0, DIR_RIGHTS));
}

static void files(void) {
  CHECK_ERRNO(try_open(ROOT, FOLLOW, "file/", 0, READING), E(NOTDIR));
  CHECK_ERRNO(try_open(ROOT, FOLLOW, "file//", 0, READING), E(NOTDIR));
  CHECK_ERRNO(try_open(ROOT, FOLLOW, "file/.", 0, READING), E(NOTDIR));
  CHECK_ERRNO(try_open(ROOT, FOLLOW, "file/..", 0, READING), E(NOTDIR));
  CHECK_ERRNO(try_open(ROOT, FOLLOW, "file/", O_DIR, DIR_RIGHTS), E(NOTDIR));
  CHECK_ERRNO(try_open(ROOT, FOLLOW, "link/", 0, READING), E(NOTDIR));
  CHECK_EITHER(try_open(ROOT, FOLLOW, "file/", O_TRUNCATE, WRITING), E(NOTDIR), E(ISDIR));
  CHECK_FILE("file", "abc");
}

static void missing(void) {
  CHECK_ERRNO(try_open(ROOT, FOLLOW, "missing/", 0, READING), E(NOENT));
  CHECK_ONE_OF(try_open(ROOT, FOLLOW, "missing/", O_CREATE, WRITING), E(ISDIR), E(NOENT), E(NOTDIR));
  CHECK_ONE_OF(try_open(ROOT, FOLLOW, "missing/", O_CREATE | O_EXCLUSIVE, WRITING), E(ISDIR), E(NOENT), E(NOTDIR));
  CHECK(!exists("missing"));
  CHECK_ONE_OF(try_open(ROOT, FOLLOW, "file/", O_CREATE, WRITING), E(ISDIR), E(NOTDIR));
}

int main(void) {
  make_dir("dir");
  make_file("file", "abc");
  make_link("file", "link");
  make_link("dir", "dir-link");
  RUN(directories);
  RUN(files);
  RUN(missing);
  return report();
}
