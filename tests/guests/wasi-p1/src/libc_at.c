// The functions that start from an open directory.
#include "files.h"

static void from_a_directory(void) {
  int a = MUST(open("a", O_RDONLY | O_DIRECTORY)), b = MUST(open("b", O_RDONLY | O_DIRECTORY));
  int fd = MUST(openat(a, "file", O_WRONLY | O_CREAT, 0644));
  CHECK_EQ(write(fd, "abc", 3), 3);
  CHECK_WORKS(close(fd));
  CHECK_FILE("a/file", "abc");
  CHECK_WORKS(mkdirat(a, "dir", 0755));
  CHECK_WORKS(renameat(a, "file", b, "moved"));
  CHECK_FILE("b/moved", "abc");
  CHECK_WORKS(linkat(b, "moved", a, "linked", 0));
  CHECK_WORKS(symlinkat("linked", a, "link"));
  CHECK_FILE("a/link", "abc");
  CHECK_EQ(readlinkat(a, "link", contents, sizeof contents), 6);
  struct stat stat;
  CHECK_WORKS(fstatat(a, "link", &stat, AT_SYMLINK_NOFOLLOW));
  CHECK(S_ISLNK(stat.st_mode));
  CHECK_FAILS(unlinkat(a, "dir", 0), EISDIR);
  CHECK_WORKS(unlinkat(a, "dir", AT_REMOVEDIR));
  CHECK_FAILS(unlinkat(a, "link", AT_REMOVEDIR), ENOTDIR);
  CHECK_WORKS(unlinkat(a, "link", 0));
  CHECK_WORKS(close(a));
  CHECK_WORKS(close(b));
}

static void from_what_is_none(void) {
  int fd = MUST(open("b/moved", O_RDONLY));
  CHECK_FAILS(openat(fd, "x", O_RDONLY), ENOTDIR);
  CHECK_FAILS(mkdirat(fd, "x", 0755), ENOTDIR);
  CHECK_WORKS(close(fd));
  CHECK_FAILS(openat(fd, "x", O_RDONLY), EBADF);
}

int main(void) {
  make_dir("a");
  make_dir("b");
  RUN(from_a_directory);
  RUN(from_what_is_none);
  return report();
}
