// A directory preopened to read only: everything that would change it is refused, on every way. Descriptor 3 is that
// directory, with a file, a link to it and a directory with a file; 4 is one that can be written.
#include "wasi.h"

enum { WRITABLE = ROOT + 1 };
#define CHECK_REFUSED(call) CHECK_ONE_OF(call, E(ROFS), E(PERM), E(NOTCAPABLE), E(ACCES), E(BADF))
#define BOTH_TIMES (__WASI_FSTFLAGS_ATIM | __WASI_FSTFLAGS_MTIM)

static void reading(void) {
  CHECK_FILE("file", "abc");
  CHECK_FILE("link", "abc");
  CHECK_FILE("dir/inner", "deep");
  Filestat stat;
  CHECK_OK(stat_path("file", FOLLOW, &stat));
  CHECK_OK(try_open(ROOT, FOLLOW, "dir", O_DIR, RIGHT(FD_READDIR)));
  uint8_t buffer[256];
  __wasi_size_t used = 0;
  CHECK_OK(__wasi_path_readlink(ROOT, "link", buffer, sizeof buffer, &used));
  CHECK_OK(__wasi_fd_readdir(ROOT, buffer, sizeof buffer, 0, &used));
  CHECK(used > 100);
}

static void opening(Fd dir, const char *file) {
  CHECK_REFUSED(try_open(dir, FOLLOW, file, 0, WRITING));
  CHECK_REFUSED(try_open(dir, FOLLOW, file, 0, BOTH));
  CHECK_REFUSED(try_open(dir, FOLLOW, file, O_TRUNCATE, WRITING));
  CHECK_REFUSED(try_open(dir, FOLLOW, file, O_TRUNCATE, READING));
  CHECK_REFUSED(try_open(dir, FOLLOW, file, O_TRUNCATE, 0));
  CHECK_REFUSED(try_open(dir, FOLLOW, "new", O_CREATE, WRITING));
  CHECK_REFUSED(try_open(dir, FOLLOW, "new", O_CREATE, READING));
  CHECK_REFUSED(try_open(dir, FOLLOW, "new", O_CREATE | O_EXCLUSIVE, READING));
  Fd fd;
  CHECK_REFUSED(__wasi_path_open(dir, FOLLOW, file, 0, RIGHT(FD_WRITE), 0, __WASI_FDFLAGS_APPEND, &fd));
}

static void opening_to_write(void) {
  opening(ROOT, "file");
  opening(ROOT, "link");
  opening(ROOT, "dir/inner");
}

// What was opened below it is no way around.
static void below(void) {
  Fd dir;
  REQUIRE(__wasi_path_open(ROOT, FOLLOW, "dir", O_DIR, RIGHT(PATH_OPEN) | RIGHT(FD_READDIR), READING, 0, &dir));
  opening(dir, "inner");
  CHECK_REFUSED(__wasi_path_unlink_file(dir, "inner"));
  CHECK_REFUSED(__wasi_path_create_directory(dir, "new"));
  CHECK_OK(__wasi_fd_close(dir));
}

static void the_entries(void) {
  CHECK_REFUSED(__wasi_path_create_directory(ROOT, "new"));
  CHECK_REFUSED(__wasi_path_remove_directory(ROOT, "empty"));
  CHECK_REFUSED(__wasi_path_unlink_file(ROOT, "file"));
  CHECK_REFUSED(__wasi_path_unlink_file(ROOT, "link"));
  CHECK_REFUSED(__wasi_path_symlink("file", ROOT, "new"));
  CHECK_REFUSED(__wasi_path_rename(ROOT, "file", ROOT, "new"));
  CHECK_REFUSED(__wasi_path_link(ROOT, 0, "file", ROOT, "new"));
}

static void the_attributes(void) {
  CHECK_REFUSED(__wasi_path_filestat_set_times(ROOT, FOLLOW, "file", 1, 1, BOTH_TIMES));
  CHECK_REFUSED(__wasi_path_filestat_set_times(ROOT, NOFOLLOW, "link", 1, 1, BOTH_TIMES));
  CHECK_REFUSED(__wasi_path_filestat_set_times(ROOT, FOLLOW, "dir", 1, 1, BOTH_TIMES));
  CHECK_REFUSED(__wasi_fd_filestat_set_times(ROOT, 1, 1, BOTH_TIMES));
  Fd fd;
  REQUIRE(__wasi_path_open(ROOT, FOLLOW, "file", 0, RIGHT(FD_READ) | RIGHT(FD_FILESTAT_GET), 0, 0, &fd));
  CHECK_REFUSED(__wasi_fd_filestat_set_times(fd, 1, 1, BOTH_TIMES));
  CHECK_ONE_OF(__wasi_fd_filestat_set_size(fd, 0), E(BADF), E(INVAL), E(NOTCAPABLE), E(PERM), E(ROFS));
  CHECK_REFUSED(__wasi_fd_allocate(fd, 0, 100));
  CHECK_OK(__wasi_fd_close(fd));
}

// A second name in a directory that can be written would be one.
static void by_the_other_directory(void) {
  CHECK_REFUSED(__wasi_path_rename(ROOT, "file", WRITABLE, "moved"));
  CHECK_REFUSED(__wasi_path_link(ROOT, 0, "file", WRITABLE, "linked"));
  Fd fd = must_open(WRITABLE, "own", O_CREATE, WRITING);
  CHECK_OK(__wasi_fd_close(fd));
  CHECK_REFUSED(__wasi_path_rename(WRITABLE, "own", ROOT, "file"));
  CHECK_REFUSED(__wasi_path_rename(WRITABLE, "own", ROOT, "new"));
  CHECK_REFUSED(__wasi_path_link(WRITABLE, 0, "own", ROOT, "new"));
  CHECK_OK(try_open(WRITABLE, FOLLOW, "own", 0, BOTH));
}

static void nothing_changed(void) {
  CHECK_FILE("file", "abc");
  CHECK_FILE("dir/inner", "deep");
  CHECK(!exists("new") && !exists("dir/new"));
  CHECK(exists("empty") && exists("link"));
  Filestat stat = {0};
  CHECK_OK(stat_path("file", FOLLOW, &stat));
  CHECK_EQ(stat.nlink, 1);
  CHECK(stat.mtim > UINT64_C(1577836800000000000));
}

int main(void) {
  RUN(reading);
  RUN(opening_to_write);
  RUN(below);
  RUN(the_entries);
  RUN(the_attributes);
  RUN(by_the_other_directory);
  RUN(nothing_changed);
  return report();
}
