// stat, lstat, fstat and fstatat agree.
#include "files.h"

static void agree(void) {
  struct stat by_path, by_fd, by_dir;
  CHECK_WORKS(stat("dir/file", &by_path));
  int fd = MUST(open("dir/file", O_RDONLY)), dir = MUST(open("dir", O_RDONLY | O_DIRECTORY));
  CHECK_WORKS(fstat(fd, &by_fd));
  CHECK_WORKS(fstatat(dir, "file", &by_dir, 0));
  CHECK(by_path.st_ino == by_fd.st_ino && by_path.st_ino == by_dir.st_ino);
  CHECK(by_path.st_dev == by_fd.st_dev && by_path.st_dev == by_dir.st_dev);
  CHECK(by_path.st_size == 3 && by_fd.st_size == 3 && by_dir.st_size == 3);
  CHECK(S_ISREG(by_path.st_mode) && S_ISREG(by_fd.st_mode) && S_ISREG(by_dir.st_mode));
  CHECK_EQ(by_path.st_nlink, 1);
  CHECK(by_path.st_mtim.tv_sec == by_fd.st_mtim.tv_sec && by_path.st_mtim.tv_nsec == by_fd.st_mtim.tv_nsec);
  CHECK_WORKS(close(fd));
  CHECK_WORKS(close(dir));
}

static void links(void) {
  struct stat link, target;
  CHECK_WORKS(lstat("link", &link));
  CHECK(S_ISLNK(link.st_mode));
  CHECK_EQ(link.st_size, 8);
  CHECK_WORKS(stat("link", &target));
  CHECK(S_ISREG(target.st_mode));
  CHECK_WORKS(fstatat(AT_FDCWD, "link", &link, AT_SYMLINK_NOFOLLOW));
  CHECK(S_ISLNK(link.st_mode));
  CHECK_FAILS(stat("dangling", &target), ENOENT);
  CHECK_WORKS(lstat("dangling", &link));
}

static void slashes(void) {
  struct stat stat_;
  CHECK_WORKS(stat("dir/", &stat_));
  CHECK(S_ISDIR(stat_.st_mode));
  CHECK_WORKS(lstat("dir/", &stat_));
  CHECK_WORKS(lstat("dir-link/", &stat_));
  CHECK(S_ISDIR(stat_.st_mode));
  CHECK_FAILS(stat("dir/file/", &stat_), ENOTDIR);
  CHECK_FAILS(lstat("dir/file/", &stat_), ENOTDIR);
  CHECK_FAILS(lstat("link/", &stat_), ENOTDIR);
}

int main(void) {
  make_dir("dir");
  make_file("dir/file", "abc");
  make_link("dir/file", "link");
  make_link("dir", "dir-link");
  make_link("nowhere", "dangling");
  RUN(agree);
  RUN(links);
  RUN(slashes);
  return report();
}
