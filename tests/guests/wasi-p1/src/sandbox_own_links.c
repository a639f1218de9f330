// Links that the guest makes itself lead out no more than others; neither do those it moves.
#include "sandbox.h"

static void made_here(void) {
  CHECK_OK(__wasi_path_symlink("../outside", ROOT, "up"));
  CHECK_OK(__wasi_path_symlink("../outside/secret", ROOT, "up-file"));
  CHECK_OK(__wasi_path_symlink("..", ROOT, "parent"));
  check_refused(ROOT, "up/secret");
  check_refused(ROOT, "parent/outside/secret");
  check_refused(ROOT, "parent/root/file");
  CHECK_ERRNO(try_open(ROOT, FOLLOW, "up-file", 0, READING), E(NOTCAPABLE));
  CHECK_ERRNO(try_open(ROOT, FOLLOW, "up-file", O_TRUNCATE, WRITING), E(NOTCAPABLE));
}

// Leads to the root from where it is made, and out of it from where it is moved to.
static void moved(void) {
  make_dir("dir");
  CHECK_OK(__wasi_path_symlink("..", ROOT, "dir/link"));
  CHECK_FILE("dir/link/file", "abc");
  CHECK_OK(__wasi_path_rename(ROOT, "dir/link", ROOT, "link"));
  check_refused(ROOT, "link/outside/secret");
}

static void of_a_moved_directory(void) {
  make_dir("a");
  make_dir("a/b");
  CHECK_OK(__wasi_path_symlink("../..", ROOT, "a/b/top"));
  CHECK_FILE("a/b/top/file", "abc");
  CHECK_OK(__wasi_path_rename(ROOT, "a/b", ROOT, "b"));
  check_refused(ROOT, "b/top/outside/secret");
}

// A hard link of a link is one like the first.
static void linked(void) {
  CHECK_OK(__wasi_path_symlink("..", ROOT, "dir/up"));
  CHECK_OK(__wasi_path_link(ROOT, 0, "dir/up", ROOT, "hard"));
  check_refused(ROOT, "hard/outside/secret");
}

// A directory that is moved while it is open: its descriptor's world is what is below it now.
static void around_a_descriptor(void) {
  make_dir("open");
  Fd dir = open_dir("open");
  make_dir("deeper");
  CHECK_OK(__wasi_path_rename(ROOT, "open", ROOT, "deeper/open"));
  make_file("deeper/file", "abc");
  CHECK_ERRNO(try_open(dir, FOLLOW, "../file", 0, READING), E(NOTCAPABLE));
  CHECK_OK(__wasi_fd_close(dir));
}

int main(void) {
  make_file("file", "abc");
  RUN(made_here);
  RUN(moved);
  RUN(of_a_moved_directory);
  RUN(linked);
  RUN(around_a_descriptor);
  return report();
}
