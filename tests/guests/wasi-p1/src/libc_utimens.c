// utimensat and futimens: given times to the nanosecond, and UTIME_OMIT. The library of 2022 refuses UTIME_NOW itself.
#include "files.h"

static struct stat stat_of(const char *path) {
  struct stat stat;
  MUST(lstat(path, &stat));
  return stat;
}

static void check_times(const char *path, long access, long access_ns, long modification, long modification_ns) {
  struct stat stat = stat_of(path);
  CHECK_EQ(stat.st_atim.tv_sec, access);
  CHECK_EQ(stat.st_atim.tv_nsec, access_ns);
  CHECK_EQ(stat.st_mtim.tv_sec, modification);
  CHECK_EQ(stat.st_mtim.tv_nsec, modification_ns);
}

static void given(void) {
  int fd = MUST(open("file", O_RDWR));
  CHECK_WORKS(futimens(fd, (struct timespec[]){{1000000000, 1}, {1100000000, 999999999}}));
  check_times("file", 1000000000, 1, 1100000000, 999999999);
  CHECK_WORKS(utimensat(AT_FDCWD, "file", (struct timespec[]){{1200000000, 5}, {1300000000, 6}}, 0));
  check_times("file", 1200000000, 5, 1300000000, 6);
  CHECK_WORKS(close(fd));
}

static void omitted(void) {
  CHECK_WORKS(utimensat(AT_FDCWD, "file", (struct timespec[]){{0, UTIME_OMIT}, {1400000000, 7}}, 0));
  check_times("file", 1200000000, 5, 1400000000, 7);
}

static void links(void) {
  CHECK_WORKS(utimensat(AT_FDCWD, "link", (struct timespec[]){{1, 2}, {3, 4}}, AT_SYMLINK_NOFOLLOW));
  check_times("link", 1, 2, 3, 4);
  CHECK_EQ(stat_of("file").st_mtim.tv_sec, 1400000000);
  CHECK_WORKS(utimensat(AT_FDCWD, "link", (struct timespec[]){{5, 6}, {7, 8}}, 0));
  check_times("file", 5, 6, 7, 8);
  CHECK_EQ(stat_of("link").st_mtim.tv_sec, 3);
}

static void errors(void) {
  CHECK_FAILS(utimensat(AT_FDCWD, "missing", NULL, 0), ENOENT);
  CHECK_FAILS(utimensat(AT_FDCWD, "file/", NULL, 0), ENOTDIR);
}

int main(void) {
  make_file("file", "abc");
  make_link("file", "link");
  RUN(given);
  RUN(omitted);
  RUN(links);
  RUN(errors);
  return report();
}
