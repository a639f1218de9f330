// Links that lead out, which someone else put there: not followed. `outside` and `secret` are next to the root.
#include "sandbox.h"

static void not_on_the_way(void) {
  check_refused(ROOT, "up/secret");
  check_refused(ROOT, "up/new");
  check_refused(ROOT, "deep/up/secret");
  check_refused(ROOT, "absolute-dir/etc/passwd");
  check_refused(ROOT, "chain/secret");
  check_refused(ROOT, "back/file");
}

static void not_at_the_end(void) {
  static const char *const links[] = {"up", "up-file", "up-missing", "absolute", "absolute-dir", "chain", "back"};
  Filestat stat;
  for (size_t i = 0; i < COUNT_OF(links); i++) {
    CHECK_ERRNO(try_open(ROOT, FOLLOW, links[i], 0, READING), E(NOTCAPABLE));
    CHECK_ERRNO(try_open(ROOT, FOLLOW, links[i], O_CREATE, WRITING), E(NOTCAPABLE));
    CHECK_ERRNO(try_open(ROOT, FOLLOW, links[i], O_TRUNCATE, WRITING), E(NOTCAPABLE));
    CHECK_ERRNO(try_open(ROOT, FOLLOW, links[i], O_DIR, DIR_RIGHTS), E(NOTCAPABLE));
    CHECK_ERRNO(stat_path(links[i], FOLLOW, &stat), E(NOTCAPABLE));
    CHECK_ERRNO(__wasi_path_filestat_set_times(ROOT, FOLLOW, links[i], 0, 0, __WASI_FSTFLAGS_MTIM), E(NOTCAPABLE));
  }
}

static void as_such_they_are_files_like_others(void) {
  Filestat stat;
  CHECK_ERRNO(try_open(ROOT, NOFOLLOW, "up-file", 0, READING), E(LOOP));
  CHECK_OK(stat_path("up", NOFOLLOW, &stat));
  CHECK_EQ(stat.filetype, __WASI_FILETYPE_SYMBOLIC_LINK);
  __wasi_size_t used = 0;
  CHECK_OK(__wasi_path_readlink(ROOT, "up", (uint8_t *)contents, sizeof contents, &used));
  CHECK_TEXT(contents, used, "../outside");
  CHECK_OK(__wasi_path_rename(ROOT, "up-file", ROOT, "renamed"));
  CHECK_OK(__wasi_path_unlink_file(ROOT, "renamed"));
  CHECK_OK(__wasi_path_unlink_file(ROOT, "absolute"));
}

// A path of the host may be shown to the guest or not.
static void absolute_contents(void) {
  __wasi_size_t used;
  CHECK_ONE_OF(__wasi_path_readlink(ROOT, "absolute-dir", (uint8_t *)contents, sizeof contents, &used), E(SUCCESS),
               E(NOTCAPABLE), E(PERM));
}

static void inside_is_fine(void) { CHECK_FILE("inside", "abc"); }

int main(void) {
  make_file("file", "abc");
  RUN(not_on_the_way);
  RUN(not_at_the_end);
  RUN(as_such_they_are_files_like_others);
  RUN(absolute_contents);
  RUN(inside_is_fine);
  return report();
}
