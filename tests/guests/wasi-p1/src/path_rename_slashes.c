// A trailing slash says that a name is a directory's, when renaming.
#include "wasi.h"

static void directories(void) {
  make_dir("a");
  CHECK_OK(__wasi_path_rename(ROOT, "a/", ROOT, "b"));
  CHECK_OK(__wasi_path_rename(ROOT, "b", ROOT, "c/"));
  CHECK_OK(__wasi_path_rename(ROOT, "c/", ROOT, "d//"));
  CHECK_EQ(type_of("d"), __WASI_FILETYPE_DIRECTORY);
  CHECK(!exists("a") && !exists("b") && !exists("c"));
}

static void files(void) {
  make_file("file", "abc");
  make_file("other", "def");
  CHECK_ERRNO(__wasi_path_rename(ROOT, "file/", ROOT, "new"), E(NOTDIR));
  CHECK_ERRNO(__wasi_path_rename(ROOT, "file", ROOT, "new/"), E(NOTDIR));
  CHECK_ERRNO(__wasi_path_rename(ROOT, "file", ROOT, "other/"), E(NOTDIR));
  CHECK_ERRNO(__wasi_path_rename(ROOT, "file/", ROOT, "other/"), E(NOTDIR));
  CHECK_EITHER(__wasi_path_rename(ROOT, "file", ROOT, "d/"), E(ISDIR), E(NOTDIR));
  CHECK(!exists("new"));
  CHECK_FILE("file", "abc");
  CHECK_FILE("other", "def");
}

int main(void) {
  RUN(directories);
  RUN(files);
  return report();
}
