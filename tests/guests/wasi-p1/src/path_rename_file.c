// Files are renamed: to a new name, over another file, to another directory.
#include "wasi.h"

static void to_a_new_name(void) {
  make_file("old", "abc");
  uint64_t inode = inode_of("old");
  CHECK_OK(__wasi_path_rename(ROOT, "old", ROOT, "new"));
  CHECK(!exists("old"));
  CHECK_FILE("new", "abc");
  CHECK_EQ(inode_of("new"), inode);
}

static void over_another(void) {
  make_file("from", "from");
  make_file("to", "the other file");
  Fd other = must_open(ROOT, "to", 0, READING);
  CHECK_OK(__wasi_path_rename(ROOT, "from", ROOT, "to"));
  CHECK(!exists("from"));
  CHECK_FILE("to", "from");
  // The other one lives on where it is open.
  CHECK_EQ(size_of(other), 14);
  CHECK_OK(__wasi_fd_close(other));
}

static void to_another_directory(void) {
  make_dir("a");
  make_dir("b");
  make_file("a/file", "abc");
  Fd a = open_dir("a"), b = open_dir("b");
  CHECK_OK(__wasi_path_rename(a, "file", b, "moved"));
  CHECK(!exists("a/file"));
  CHECK_FILE("b/moved", "abc");
  CHECK_OK(__wasi_path_rename(ROOT, "b/moved", ROOT, "a/back"));
  CHECK_FILE("a/back", "abc");
  CHECK_OK(__wasi_fd_close(a));
  CHECK_OK(__wasi_fd_close(b));
}

static void to_itself(void) {
  make_file("file", "abc");
  CHECK_OK(__wasi_path_rename(ROOT, "file", ROOT, "file"));
  CHECK_FILE("file", "abc");
  // Two names of one file: nothing happens.
  REQUIRE(__wasi_path_link(ROOT, 0, "file", ROOT, "second"));
  CHECK_OK(__wasi_path_rename(ROOT, "file", ROOT, "second"));
  CHECK(exists("file") && exists("second"));
}

static void missing(void) {
  CHECK_ERRNO(__wasi_path_rename(ROOT, "missing", ROOT, "new2"), E(NOENT));
  CHECK_ERRNO(__wasi_path_rename(ROOT, "file", ROOT, "missing/new2"), E(NOENT));
  CHECK_ERRNO(__wasi_path_rename(ROOT, "file/x", ROOT, "new2"), E(NOTDIR));
  CHECK_ERRNO(__wasi_path_rename(ROOT, "file", ROOT, "new/x"), E(NOTDIR));
  CHECK_ERRNO(__wasi_path_rename(ROOT, "", ROOT, "new2"), E(NOENT));
  CHECK_ERRNO(__wasi_path_rename(ROOT, "file", ROOT, ""), E(NOENT));
  CHECK_FILE("file", "abc");
}

static void an_open_file(void) {
  Fd fd = new_file("open", "");
  CHECK_OK(__wasi_path_rename(ROOT, "open", ROOT, "renamed"));
  must_write(fd, "abc");
  CHECK_OK(__wasi_fd_close(fd));
  CHECK_FILE("renamed", "abc");
}

int main(void) {
  RUN(to_a_new_name);
  RUN(over_another);
  RUN(to_another_directory);
  RUN(to_itself);
  RUN(missing);
  RUN(an_open_file);
  return report();
}
