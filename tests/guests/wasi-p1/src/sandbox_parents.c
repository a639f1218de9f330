// `..` does not lead out of the directory a path starts from, neither the preopened one nor one opened below it.
#include "sandbox.h"

static void out(void) {
  check_refused(ROOT, "../outside/secret");
  check_refused(ROOT, "../outside/new");
  check_refused(ROOT, "../missing/x");
  check_refused(ROOT, "dir/../../outside/secret");
  check_refused(ROOT, "./dir/.././../outside/secret");
  check_refused(ROOT, "dir/../../../../../../../../../../etc/passwd");
}

static void out_and_back(void) {
  check_refused(ROOT, "../root/file");
  check_refused(ROOT, "dir/../../root/file");
}

static void out_of_a_directory_below(void) {
  Fd dir = open_dir("dir");
  check_refused(dir, "../file");
  check_refused(dir, "sub/../../file");
  check_refused(dir, "../dir/file");
  CHECK_OK(__wasi_fd_close(dir));
}

static void just_out(void) {
  Filestat stat;
  CHECK_ERRNO(try_open(ROOT, FOLLOW, "..", O_DIR, DIR_RIGHTS), E(NOTCAPABLE));
  CHECK_ERRNO(try_open(ROOT, FOLLOW, "dir/../..", O_DIR, DIR_RIGHTS), E(NOTCAPABLE));
  CHECK_ERRNO(try_open(ROOT, FOLLOW, "../", O_DIR, DIR_RIGHTS), E(NOTCAPABLE));
  CHECK_ERRNO(stat_path("..", FOLLOW, &stat), E(NOTCAPABLE));
  CHECK_ERRNO(stat_path("..", NOFOLLOW, &stat), E(NOTCAPABLE));
}

static void inside_is_fine(void) {
  CHECK_FILE("dir/../file", "abc");
  CHECK_FILE("dir/sub/../../dir/file", "abc");
  CHECK_OK(try_open(ROOT, FOLLOW, "dir/..", O_DIR, DIR_RIGHTS));
}

int main(void) {
  make_dir("dir");
  make_dir("dir/sub");
  make_file("file", "abc");
  make_file("dir/file", "abc");
  RUN(out);
  RUN(out_and_back);
  RUN(out_of_a_directory_below);
  RUN(just_out);
  RUN(inside_is_fine);
  return report();
}
