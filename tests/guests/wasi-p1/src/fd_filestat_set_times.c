// Times of an open file: given ones, now, and the one that is not named is kept.
#include "wasi.h"

#define FIRST UINT64_C(1111111111123456789)
#define SECOND UINT64_C(1222222222987654321)

static Filestat stat_of(Fd fd) {
  Filestat stat;
  REQUIRE(__wasi_fd_filestat_get(fd, &stat));
  return stat;
}

static void given(void) {
  Fd fd = new_file("file", "abc");
  CHECK_OK(__wasi_fd_filestat_set_times(fd, FIRST, SECOND, __WASI_FSTFLAGS_ATIM | __WASI_FSTFLAGS_MTIM));
  CHECK_EQ(stat_of(fd).atim, FIRST);
  CHECK_EQ(stat_of(fd).mtim, SECOND);
  CHECK_OK(__wasi_fd_filestat_set_times(fd, SECOND, SECOND, __WASI_FSTFLAGS_ATIM));
  CHECK_EQ(stat_of(fd).atim, SECOND);
  CHECK_EQ(stat_of(fd).mtim, SECOND);
  CHECK_OK(__wasi_fd_filestat_set_times(fd, FIRST, FIRST, __WASI_FSTFLAGS_MTIM));
  CHECK_EQ(stat_of(fd).atim, SECOND);
  CHECK_EQ(stat_of(fd).mtim, FIRST);
  // No flag, no change.
  CHECK_OK(__wasi_fd_filestat_set_times(fd, 1, 1, 0));
  CHECK_EQ(stat_of(fd).atim, SECOND);
  CHECK_EQ(stat_of(fd).mtim, FIRST);
  CHECK_OK(__wasi_fd_close(fd));
}

static void now_(void) {
  Fd fd = new_file("file", "abc");
  CHECK_OK(__wasi_fd_filestat_set_times(fd, FIRST, FIRST, __WASI_FSTFLAGS_ATIM | __WASI_FSTFLAGS_MTIM));
  CHECK_OK(__wasi_fd_filestat_set_times(fd, 0, 0, __WASI_FSTFLAGS_MTIM_NOW));
  CHECK_EQ(stat_of(fd).atim, FIRST);
  CHECK(stat_of(fd).mtim > UINT64_C(1577836800000000000));
  CHECK_OK(__wasi_fd_filestat_set_times(fd, 0, SECOND, __WASI_FSTFLAGS_ATIM_NOW | __WASI_FSTFLAGS_MTIM));
  CHECK(stat_of(fd).atim > UINT64_C(1577836800000000000));
  CHECK_EQ(stat_of(fd).mtim, SECOND);
  CHECK_OK(__wasi_fd_close(fd));
}

static void contradictions(void) {
  Fd fd = new_file("file", "abc");
  uint64_t before = stat_of(fd).mtim;
  CHECK_ERRNO(__wasi_fd_filestat_set_times(fd, 0, FIRST, __WASI_FSTFLAGS_MTIM | __WASI_FSTFLAGS_MTIM_NOW), E(INVAL));
  CHECK_ERRNO(__wasi_fd_filestat_set_times(fd, FIRST, 0, __WASI_FSTFLAGS_ATIM | __WASI_FSTFLAGS_ATIM_NOW), E(INVAL));
  CHECK_ERRNO(__wasi_fd_filestat_set_times(fd, FIRST, 0, 1 << 4), E(INVAL));
  CHECK_EQ(stat_of(fd).mtim, before);
  CHECK_OK(__wasi_fd_close(fd));
}

static void of_a_directory(void) {
  make_dir("dir");
  Fd dir = open_dir("dir");
  CHECK_OK(__wasi_fd_filestat_set_times(dir, FIRST, SECOND, __WASI_FSTFLAGS_ATIM | __WASI_FSTFLAGS_MTIM));
  CHECK_EQ(stat_of(dir).atim, FIRST);
  CHECK_EQ(stat_of(dir).mtim, SECOND);
  CHECK_OK(__wasi_fd_close(dir));
}

// Opened only to read.
static void of_a_reader(void) {
  make_file("file", "abc");
  Fd fd = must_open(ROOT, "file", 0, READING);
  CHECK_OK(__wasi_fd_filestat_set_times(fd, 0, SECOND, __WASI_FSTFLAGS_MTIM));
  CHECK_EQ(stat_of(fd).mtim, SECOND);
  CHECK_OK(__wasi_fd_close(fd));
}

int main(void) {
  RUN(given);
  RUN(now_);
  RUN(contradictions);
  RUN(of_a_directory);
  RUN(of_a_reader);
  return report();
}
