// Links to nothing: an error where they are followed, except that a file can be created through one.
#include "wasi.h"

static void to_nothing(void) {
  make_link("missing", "link");
  Filestat stat;
  CHECK_ERRNO(try_open(ROOT, FOLLOW, "link", 0, READING), E(NOENT));
  CHECK_ERRNO(try_open(ROOT, FOLLOW, "link", O_TRUNCATE, WRITING), E(NOENT));
  CHECK_ERRNO(try_open(ROOT, FOLLOW, "link", O_DIR, DIR_RIGHTS), E(NOENT));
  CHECK_ERRNO(try_open(ROOT, FOLLOW, "link/file", 0, READING), E(NOENT));
  CHECK_ERRNO(stat_path("link", FOLLOW, &stat), E(NOENT));
  CHECK_OK(stat_path("link", NOFOLLOW, &stat));
  CHECK_EQ(stat.filetype, __WASI_FILETYPE_SYMBOLIC_LINK);
  CHECK_EQ(stat.size, 7);
}

static void exclusive_creation(void) {
  CHECK_ERRNO(try_open(ROOT, FOLLOW, "link", O_CREATE | O_EXCLUSIVE, WRITING), E(EXIST));
  CHECK_ERRNO(try_open(ROOT, NOFOLLOW, "link", O_CREATE | O_EXCLUSIVE, WRITING), E(EXIST));
  CHECK(!exists("missing"));
}

static void creation(void) {
  Fd fd = must_open(ROOT, "link", O_CREATE, WRITING);
  must_write(fd, "abc");
  CHECK_OK(__wasi_fd_close(fd));
  CHECK_EQ(type_of("link"), __WASI_FILETYPE_SYMBOLIC_LINK);
  CHECK_EQ(type_of("missing"), __WASI_FILETYPE_REGULAR_FILE);
  CHECK_FILE("missing", "abc");
}

static void creation_in_a_missing_directory(void) {
  make_link("no/where", "deep");
  CHECK_ERRNO(try_open(ROOT, FOLLOW, "deep", O_CREATE, WRITING), E(NOENT));
}

int main(void) {
  RUN(to_nothing);
  RUN(exclusive_creation);
  RUN(creation);
  RUN(creation_in_a_missing_directory);
  return report();
}
