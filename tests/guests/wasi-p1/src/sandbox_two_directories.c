// Two preopened directories: functions with two descriptors work between them, paths and links do not.
#include "sandbox.h"

enum { SECOND = ROOT + 1 };

static void renaming_between_them(void) {
  make_file("file", "abc");
  CHECK_OK(__wasi_path_rename(ROOT, "file", SECOND, "moved"));
  CHECK(!exists("file"));
  CHECK_OK(try_open(SECOND, FOLLOW, "moved", 0, READING));
  CHECK_OK(__wasi_path_rename(SECOND, "moved", ROOT, "file"));
  CHECK_FILE("file", "abc");
}

static void linking_between_them(void) {
  CHECK_OK(__wasi_path_link(ROOT, 0, "file", SECOND, "linked"));
  Filestat stat;
  CHECK_OK(__wasi_path_filestat_get(SECOND, FOLLOW, "linked", &stat));
  CHECK_EQ(stat.ino, inode_of("file"));
}

static void no_path_between_them(void) {
  check_refused(ROOT, "../second/linked");
  check_refused(SECOND, "../root/file");
  CHECK_ERRNO(__wasi_path_rename(ROOT, "../second/linked", ROOT, "stolen"), E(NOTCAPABLE));
  CHECK_ERRNO(__wasi_path_rename(ROOT, "file", SECOND, "../root/moved"), E(NOTCAPABLE));
}

static void no_link_between_them(void) {
  CHECK_OK(__wasi_path_symlink("../second/linked", ROOT, "link"));
  CHECK_ERRNO(try_open(ROOT, FOLLOW, "link", 0, READING), E(NOTCAPABLE));
  // Moved to where the same contents still lead out.
  CHECK_OK(__wasi_path_rename(ROOT, "link", SECOND, "link"));
  CHECK_ERRNO(try_open(SECOND, FOLLOW, "link", 0, READING), E(NOTCAPABLE));
}

int main(void) {
  RUN(renaming_between_them);
  RUN(linking_between_them);
  RUN(no_path_between_them);
  RUN(no_link_between_them);
  return report();
}
