// Attributes of open files, directories and streams.
#include "wasi.h"

static Filestat stat_of(Fd fd) {
  Filestat stat;
  memset(&stat, 0xff, sizeof stat);
  REQUIRE(__wasi_fd_filestat_get(fd, &stat));
  return stat;
}

static void files(void) {
  Fd fd = new_file("file", "0123456789");
  Filestat stat = stat_of(fd), by_path;
  CHECK_EQ(stat.filetype, __WASI_FILETYPE_REGULAR_FILE);
  CHECK_EQ(stat.size, 10);
  CHECK_EQ(stat.nlink, 1);
  REQUIRE(stat_path("file", FOLLOW, &by_path));
  CHECK(memcmp(&stat, &by_path, sizeof stat) == 0);
  CHECK_OK(__wasi_fd_close(fd));
}

static void follow_changes(void) {
  Fd fd = new_file("file", "");
  Filestat before = stat_of(fd);
  must_write(fd, "abc");
  REQUIRE(__wasi_path_link(ROOT, 0, "file", ROOT, "second"));
  Filestat after = stat_of(fd);
  CHECK_EQ(after.size, 3);
  CHECK_EQ(after.nlink, 2);
  CHECK_EQ(after.ino, before.ino);
  CHECK_EQ(after.dev, before.dev);
  CHECK(after.mtim >= before.mtim && after.ctim >= before.ctim);
  CHECK_OK(__wasi_path_unlink_file(ROOT, "second"));
  CHECK_OK(__wasi_path_unlink_file(ROOT, "file"));
  CHECK_EQ(stat_of(fd).nlink, 0);
  CHECK_OK(__wasi_fd_close(fd));
}

static void directories(void) {
  make_dir("dir");
  Fd dir = open_dir("dir");
  Filestat stat = stat_of(dir);
  CHECK_EQ(stat.filetype, __WASI_FILETYPE_DIRECTORY);
  CHECK_EQ(stat.ino, inode_of("dir"));
  CHECK_EQ(stat.dev, stat_of(ROOT).dev);
  CHECK(stat.ino != stat_of(ROOT).ino);
  CHECK_OK(__wasi_fd_close(dir));
}

static void different_files_differ(void) {
  Fd first = new_file("first", ""), second = new_file("second", "");
  CHECK(stat_of(first).ino != stat_of(second).ino);
  CHECK_OK(__wasi_fd_close(first));
  CHECK_OK(__wasi_fd_close(second));
}

static void streams(void) {
  for (Fd fd = 0; fd < 3; fd++) CHECK(stat_of(fd).filetype != __WASI_FILETYPE_DIRECTORY);
}

int main(void) {
  RUN(files);
  RUN(follow_changes);
  RUN(directories);
  RUN(different_files_differ);
  RUN(streams);
  return report();
}
