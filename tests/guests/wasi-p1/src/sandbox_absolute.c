// Absolute paths are the host's and refused, even if what is there belongs to the guest.
#include "sandbox.h"

static void refused(void) {
  check_refused(ROOT, "/file");
  check_refused(ROOT, "/etc/passwd");
  check_refused(ROOT, "/new");
  check_refused(ROOT, "//file");
  check_refused(ROOT, "/./file");
}

static void the_root(void) {
  Filestat stat;
  CHECK_ERRNO(try_open(ROOT, FOLLOW, "/", O_DIR, DIR_RIGHTS), E(NOTCAPABLE));
  CHECK_ERRNO(stat_path("/", FOLLOW, &stat), E(NOTCAPABLE));
  CHECK_ERRNO(try_open(ROOT, FOLLOW, "/.", O_DIR, DIR_RIGHTS), E(NOTCAPABLE));
}

int main(void) {
  make_file("file", "abc");
  RUN(refused);
  RUN(the_root);
  CHECK_FILE("file", "abc");
  return report();
}
