// Links that lead to themselves are an error wherever they would be followed, and only there.
#include "wasi.h"

static void to_itself(void) {
  make_link("self", "self");
  Filestat stat;
  CHECK_ERRNO(try_open(ROOT, FOLLOW, "self", 0, READING), E(LOOP));
  CHECK_ERRNO(try_open(ROOT, FOLLOW, "self", O_CREATE, WRITING), E(LOOP));
  CHECK_ERRNO(stat_path("self", FOLLOW, &stat), E(LOOP));
  CHECK_ERRNO(__wasi_path_filestat_set_times(ROOT, FOLLOW, "self", 0, 0, __WASI_FSTFLAGS_MTIM), E(LOOP));
  CHECK_OK(stat_path("self", NOFOLLOW, &stat));
  CHECK_EQ(stat.filetype, __WASI_FILETYPE_SYMBOLIC_LINK);
}

static void in_a_circle(void) {
  make_link("b", "a");
  make_link("c", "b");
  make_link("a", "c");
  CHECK_ERRNO(try_open(ROOT, FOLLOW, "b", 0, READING), E(LOOP));
}

static void on_the_way(void) {
  make_link("dir-self/x", "dir-self");
  Filestat stat;
  CHECK_ERRNO(try_open(ROOT, FOLLOW, "self/file", 0, READING), E(LOOP));
  CHECK_ERRNO(try_open(ROOT, NOFOLLOW, "self/file", 0, READING), E(LOOP));
  CHECK_ERRNO(try_open(ROOT, FOLLOW, "dir-self", 0, READING), E(LOOP));
  CHECK_ERRNO(__wasi_path_create_directory(ROOT, "self/dir"), E(LOOP));
  CHECK_ERRNO(__wasi_path_unlink_file(ROOT, "self/file"), E(LOOP));
  CHECK_ERRNO(__wasi_path_rename(ROOT, "self/file", ROOT, "x"), E(LOOP));
  CHECK_ERRNO(__wasi_path_symlink("x", ROOT, "self/link"), E(LOOP));
  CHECK_ERRNO(stat_path("self/file", NOFOLLOW, &stat), E(LOOP));
}

static void long_chains_are_none(void) {
  make_file("link0", "abc");
  char from[] = "link0", to[] = "link1";
  for (char c = '1'; c <= '9'; c++) {
    to[4] = c;
    make_link(from, to);
    from[4] = c;
  }
  CHECK_FILE("link9", "abc");
}

static void can_be_removed(void) {
  CHECK_OK(__wasi_path_rename(ROOT, "self", ROOT, "renamed"));
  CHECK_OK(__wasi_path_unlink_file(ROOT, "renamed"));
  CHECK_OK(__wasi_path_unlink_file(ROOT, "a"));
  CHECK_OK(__wasi_path_unlink_file(ROOT, "dir-self"));
}

int main(void) {
  RUN(to_itself);
  RUN(in_a_circle);
  RUN(on_the_way);
  RUN(long_chains_are_none);
  RUN(can_be_removed);
  return report();
}
