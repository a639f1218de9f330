// Links to directories on the way: `..` after one is the parent of where it leads.
#include "wasi.h"

static void on_the_way(void) {
  CHECK_FILE("link/file", "deep");
  CHECK_FILE("up/link/file", "deep");
  Fd fd = must_open(ROOT, "link/new", O_CREATE, WRITING);
  CHECK_OK(__wasi_fd_close(fd));
  CHECK(exists("a/b/new"));
  CHECK_OK(__wasi_path_create_directory(ROOT, "link/dir"));
  CHECK_OK(__wasi_path_rename(ROOT, "link/dir", ROOT, "up/dir"));
  CHECK(exists("dir") && !exists("a/b/dir"));
  CHECK_OK(__wasi_path_remove_directory(ROOT, "a/up/dir"));
}

static void followed_by_parent(void) {
  // a, not the directory of the link.
  CHECK_FILE("link/../file", "middle");
  CHECK_FILE("link/../../file", "top");
  CHECK_FILE("link/../b/./../file", "middle");
}

static void as_the_start(void) {
  Fd dir = must_open(ROOT, "link", O_DIR, DIR_RIGHTS);
  Fd fd = must_open(dir, "file", 0, READING);
  CHECK_EQ(size_of(fd), 4);
  CHECK_OK(__wasi_fd_close(fd));
  // The directory that was opened is where the descriptor's world begins.
  CHECK_ERRNO(try_open(dir, FOLLOW, "../file", 0, READING), E(NOTCAPABLE));
  CHECK_OK(__wasi_fd_close(dir));
}

// The last part with a slash is followed, whatever the flags.
static void with_a_slash(void) {
  Filestat stat;
  CHECK_OK(stat_path("link/", NOFOLLOW, &stat));
  CHECK_EQ(stat.filetype, __WASI_FILETYPE_DIRECTORY);
  CHECK_EQ(stat.ino, inode_of("a/b"));
  CHECK_OK(stat_path("link/.", NOFOLLOW, &stat));
  CHECK_EQ(stat.ino, inode_of("a/b"));
}

int main(void) {
  make_dir("a");
  make_dir("a/b");
  make_file("file", "top");
  make_file("a/file", "middle");
  make_file("a/b/file", "deep");
  make_link("a/b", "link");
  make_link("..", "a/up");
  make_link("a/up", "up");
  RUN(on_the_way);
  RUN(followed_by_parent);
  RUN(as_the_start);
  RUN(with_a_slash);
  return report();
}
