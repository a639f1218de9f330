// Without FOLLOW, the last part of a path must not be a link; links on the way are followed.
#include "wasi.h"

static void last_part(void) {
  CHECK_ERRNO(try_open(ROOT, NOFOLLOW, "link", 0, READING), E(LOOP));
  CHECK_ERRNO(try_open(ROOT, NOFOLLOW, "dangling", 0, READING), E(LOOP));
  CHECK_OK(try_open(ROOT, FOLLOW, "link", 0, READING));
  CHECK_OK(try_open(ROOT, NOFOLLOW, "file", 0, READING));
}

static void as_a_directory(void) {
  CHECK_EITHER(try_open(ROOT, NOFOLLOW, "dir-link", O_DIR, DIR_RIGHTS), E(LOOP), E(NOTDIR));
  CHECK_EITHER(try_open(ROOT, NOFOLLOW, "link", O_DIR, DIR_RIGHTS), E(LOOP), E(NOTDIR));
  CHECK_OK(try_open(ROOT, NOFOLLOW, "dir", O_DIR, DIR_RIGHTS));
}

static void on_the_way(void) {
  CHECK_OK(try_open(ROOT, NOFOLLOW, "dir-link/file", 0, READING));
  CHECK_ERRNO(try_open(ROOT, NOFOLLOW, "dir-link/link", 0, READING), E(LOOP));
}

static void to_create_or_truncate(void) {
  CHECK_ERRNO(try_open(ROOT, NOFOLLOW, "dangling", O_CREATE, WRITING), E(LOOP));
  CHECK_ERRNO(try_open(ROOT, NOFOLLOW, "link", O_TRUNCATE, WRITING), E(LOOP));
  CHECK(!exists("nowhere"));
  CHECK_FILE("file", "abc");
  CHECK_OK(try_open(ROOT, NOFOLLOW, "new", O_CREATE, WRITING));
}

int main(void) {
  make_dir("dir");
  make_file("file", "abc");
  make_file("dir/file", "abc");
  make_link("file", "link");
  make_link("file", "dir/link");
  make_link("dir", "dir-link");
  make_link("nowhere", "dangling");
  RUN(last_part);
  RUN(as_a_directory);
  RUN(on_the_way);
  RUN(to_create_or_truncate);
  return report();
}
