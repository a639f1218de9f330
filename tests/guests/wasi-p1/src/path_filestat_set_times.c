// Times by path, of a link or of what it points to.
#include "wasi.h"

#define FIRST UINT64_C(1111111111123456789)
#define SECOND UINT64_C(1222222222987654321)
#define BOTH_TIMES (__WASI_FSTFLAGS_ATIM | __WASI_FSTFLAGS_MTIM)

static Filestat stat_of(const char *path) {
  Filestat stat = {0};
  CHECK_OK(stat_path(path, NOFOLLOW, &stat));
  return stat;
}

static void files_and_directories(void) {
  CHECK_OK(__wasi_path_filestat_set_times(ROOT, FOLLOW, "file", FIRST, SECOND, BOTH_TIMES));
  CHECK_EQ(stat_of("file").atim, FIRST);
  CHECK_EQ(stat_of("file").mtim, SECOND);
  CHECK_OK(__wasi_path_filestat_set_times(ROOT, FOLLOW, "dir", SECOND, FIRST, BOTH_TIMES));
  CHECK_EQ(stat_of("dir").atim, SECOND);
  CHECK_EQ(stat_of("dir").mtim, FIRST);
  CHECK_OK(__wasi_path_filestat_set_times(ROOT, NOFOLLOW, "dir/", FIRST, SECOND, __WASI_FSTFLAGS_MTIM));
  CHECK_EQ(stat_of("dir").mtim, SECOND);
  CHECK_OK(__wasi_path_filestat_set_times(ROOT, FOLLOW, "file", 0, 0, 0));
  CHECK_EQ(stat_of("file").mtim, SECOND);
  CHECK_OK(__wasi_path_filestat_set_times(ROOT, FOLLOW, "file", 0, 0, __WASI_FSTFLAGS_MTIM_NOW));
  CHECK(stat_of("file").mtim > UINT64_C(1577836800000000000));
  CHECK_EQ(stat_of("file").atim, FIRST);
}

static void links(void) {
  uint64_t before = stat_of("link").mtim;
  CHECK_OK(__wasi_path_filestat_set_times(ROOT, FOLLOW, "link", FIRST, FIRST, BOTH_TIMES));
  CHECK_EQ(stat_of("file").mtim, FIRST);
  CHECK_EQ(stat_of("link").mtim, before);
  CHECK_OK(__wasi_path_filestat_set_times(ROOT, NOFOLLOW, "link", SECOND, SECOND, BOTH_TIMES));
  CHECK_EQ(stat_of("link").mtim, SECOND);
  CHECK_EQ(stat_of("file").mtim, FIRST);
}

static void the_first_second(void) {
  CHECK_OK(__wasi_path_filestat_set_times(ROOT, FOLLOW, "file", 0, 1, BOTH_TIMES));
  CHECK_EQ(stat_of("file").atim, 0);
  CHECK_EQ(stat_of("file").mtim, 1);
}

static void errors(void) {
  CHECK_ERRNO(__wasi_path_filestat_set_times(ROOT, FOLLOW, "missing", 0, 0, BOTH_TIMES), E(NOENT));
  CHECK_ERRNO(__wasi_path_filestat_set_times(ROOT, FOLLOW, "file/", 0, 0, BOTH_TIMES), E(NOTDIR));
  CHECK_ERRNO(__wasi_path_filestat_set_times(ROOT, FOLLOW, "file", 0, 0,
                                             __WASI_FSTFLAGS_MTIM | __WASI_FSTFLAGS_MTIM_NOW), E(INVAL));
  CHECK_ERRNO(__wasi_path_filestat_set_times(ROOT, FOLLOW, "file", 0, 0,
                                             __WASI_FSTFLAGS_ATIM | __WASI_FSTFLAGS_ATIM_NOW), E(INVAL));
  CHECK_ERRNO(__wasi_path_filestat_set_times(ROOT, FOLLOW, "file", 0, 0, 1 << 4), E(INVAL));
}

int main(void) {
  make_file("file", "abc");
  make_dir("dir");
  make_link("file", "link");
  RUN(files_and_directories);
  RUN(links);
  RUN(the_first_second);
  RUN(errors);
  return report();
}
