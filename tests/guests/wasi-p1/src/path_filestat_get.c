// Attributes by path, of a link or of what it points to.
#include "wasi.h"

static Filestat stat;

static void types(void) {
  CHECK_OK(stat_path("file", FOLLOW, &stat));
  CHECK_EQ(stat.filetype, __WASI_FILETYPE_REGULAR_FILE);
  CHECK_EQ(stat.size, 10);
  CHECK_OK(stat_path("dir", FOLLOW, &stat));
  CHECK_EQ(stat.filetype, __WASI_FILETYPE_DIRECTORY);
  CHECK_OK(stat_path(".", FOLLOW, &stat));
  CHECK_EQ(stat.filetype, __WASI_FILETYPE_DIRECTORY);
}

static void links(void) {
  CHECK_OK(stat_path("link", NOFOLLOW, &stat));
  CHECK_EQ(stat.filetype, __WASI_FILETYPE_SYMBOLIC_LINK);
  CHECK_EQ(stat.size, 8);
  CHECK_OK(stat_path("link", FOLLOW, &stat));
  CHECK_EQ(stat.filetype, __WASI_FILETYPE_REGULAR_FILE);
  CHECK_EQ(stat.size, 10);
  CHECK_EQ(stat.ino, inode_of("file"));
}

static void missing(void) {
  memset(&stat, 0x55, sizeof stat);
  Filestat before = stat;
  CHECK_ERRNO(stat_path("missing", FOLLOW, &stat), E(NOENT));
  CHECK_ERRNO(stat_path("missing/x", FOLLOW, &stat), E(NOENT));
  CHECK_ERRNO(stat_path("file/x", FOLLOW, &stat), E(NOTDIR));
  CHECK_ERRNO(stat_path("", FOLLOW, &stat), E(NOENT));
  CHECK(memcmp(&stat, &before, sizeof stat) == 0);
}

static void slashes(void) {
  CHECK_OK(stat_path("dir/", FOLLOW, &stat));
  CHECK_OK(stat_path("dir/", NOFOLLOW, &stat));
  CHECK_ERRNO(stat_path("file/", FOLLOW, &stat), E(NOTDIR));
  CHECK_ERRNO(stat_path("file/", NOFOLLOW, &stat), E(NOTDIR));
  CHECK_ERRNO(stat_path("link/", NOFOLLOW, &stat), E(NOTDIR));
}

static void unknown_flags(void) { CHECK_ERRNO(__wasi_path_filestat_get(ROOT, 1 << 1, "file", &stat), E(INVAL)); }

static void times_change(void) {
  Filestat before, after;
  REQUIRE(stat_path("file", FOLLOW, &before));
  Fd fd = must_open(ROOT, "file", 0, WRITING);
  must_write(fd, "x");
  CHECK_OK(__wasi_fd_close(fd));
  REQUIRE(stat_path("file", FOLLOW, &after));
  CHECK(after.mtim >= before.mtim);
  CHECK(after.ctim >= before.ctim);
  CHECK_EQ(after.ino, before.ino);
}

int main(void) {
  make_file("file", "0123456789");
  make_dir("dir");
  make_link("././file", "link");
  RUN(types);
  RUN(links);
  RUN(missing);
  RUN(slashes);
  RUN(unknown_flags);
  RUN(times_change);
  return report();
}
