// A hard link is a second name of the same file.
#include "wasi.h"

static void second_name(void) {
  make_file("file", "abc");
  CHECK_OK(__wasi_path_link(ROOT, 0, "file", ROOT, "second"));
  CHECK_EQ(inode_of("file"), inode_of("second"));
  Filestat stat;
  REQUIRE(stat_path("second", FOLLOW, &stat));
  CHECK_EQ(stat.nlink, 2);
  Fd fd = must_open(ROOT, "second", O_TRUNCATE, WRITING);
  must_write(fd, "written by the other");
  CHECK_OK(__wasi_fd_close(fd));
  CHECK_FILE("file", "written by the other");
  CHECK_OK(__wasi_path_unlink_file(ROOT, "file"));
  CHECK_FILE("second", "written by the other");
}

static void in_another_directory(void) {
  make_dir("dir");
  Fd dir = open_dir("dir");
  CHECK_OK(__wasi_path_link(ROOT, 0, "second", dir, "third"));
  CHECK_EQ(inode_of("dir/third"), inode_of("second"));
  CHECK_OK(__wasi_path_link(dir, 0, "third", ROOT, "fourth"));
  CHECK_EQ(inode_of("fourth"), inode_of("second"));
  CHECK_OK(__wasi_fd_close(dir));
}

static void not_over_something(void) {
  make_file("other", "other");
  make_link("nowhere", "dangling");
  CHECK_ERRNO(__wasi_path_link(ROOT, 0, "second", ROOT, "other"), E(EXIST));
  CHECK_ERRNO(__wasi_path_link(ROOT, 0, "second", ROOT, "second"), E(EXIST));
  CHECK_ERRNO(__wasi_path_link(ROOT, 0, "second", ROOT, "dir"), E(EXIST));
  CHECK_ERRNO(__wasi_path_link(ROOT, 0, "second", ROOT, "dangling"), E(EXIST));
  CHECK_FILE("other", "other");
}

static void missing(void) {
  CHECK_ERRNO(__wasi_path_link(ROOT, 0, "missing", ROOT, "new"), E(NOENT));
  CHECK_ERRNO(__wasi_path_link(ROOT, 0, "second", ROOT, "missing/new"), E(NOENT));
  CHECK_ERRNO(__wasi_path_link(ROOT, 0, "second/x", ROOT, "new"), E(NOTDIR));
  CHECK_ERRNO(__wasi_path_link(ROOT, 0, "second", ROOT, "other/new"), E(NOTDIR));
  CHECK_ERRNO(__wasi_path_link(ROOT, 0, "second", ROOT, ""), E(NOENT));
  CHECK_ERRNO(__wasi_path_link(ROOT, 0, "", ROOT, "new"), E(NOENT));
}

static void not_to_directories(void) {
  CHECK_ERRNO(__wasi_path_link(ROOT, 0, "dir", ROOT, "new"), E(PERM));
  CHECK(!exists("new"));
}

static void with_a_slash(void) {
  CHECK_ERRNO(__wasi_path_link(ROOT, 0, "second/", ROOT, "new"), E(NOTDIR));
  CHECK_EITHER(__wasi_path_link(ROOT, 0, "second", ROOT, "new/"), E(NOENT), E(NOTDIR));
  CHECK(!exists("new"));
}

// Without FOLLOW, the new name is one of the link itself.
static void to_a_link(void) {
  make_link("second", "link");
  CHECK_OK(__wasi_path_link(ROOT, NOFOLLOW, "link", ROOT, "link2"));
  CHECK_EQ(type_of("link2"), __WASI_FILETYPE_SYMBOLIC_LINK);
  CHECK_EQ(inode_of("link2"), inode_of("link"));
  CHECK_OK(__wasi_path_link(ROOT, NOFOLLOW, "dangling", ROOT, "dangling2"));
  CHECK_EQ(type_of("dangling2"), __WASI_FILETYPE_SYMBOLIC_LINK);
}

// Following the link is possible or an error, but never silently something else.
static void to_the_target_of_a_link(void) {
  Errno error = __wasi_path_link(ROOT, FOLLOW, "link", ROOT, "followed");
  CHECK_ONE_OF(error, E(SUCCESS), E(INVAL), E(NOTSUP));
  if (error == 0) CHECK_EQ(inode_of("followed"), inode_of("second"));
  CHECK_EQ(exists("followed"), error == 0);
}

int main(void) {
  RUN(second_name);
  RUN(in_another_directory);
  RUN(not_over_something);
  RUN(missing);
  RUN(not_to_directories);
  RUN(with_a_slash);
  RUN(to_a_link);
  RUN(to_the_target_of_a_link);
  return report();
}
