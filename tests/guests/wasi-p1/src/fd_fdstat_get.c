// Type, flags and rights of descriptors.
#include "wasi.h"

static Fdstat stat_of(Fd fd) {
  Fdstat stat;
  memset(&stat, 0xff, sizeof stat);
  REQUIRE(__wasi_fd_fdstat_get(fd, &stat));
  return stat;
}

static void files(void) {
  Fd fd = new_file("file", "abc");
  Fdstat stat = stat_of(fd);
  CHECK_EQ(stat.fs_filetype, __WASI_FILETYPE_REGULAR_FILE);
  CHECK_EQ(stat.fs_flags, 0);
  CHECK((stat.fs_rights_base & RIGHT(FD_READ)) != 0);
  CHECK((stat.fs_rights_base & RIGHT(FD_WRITE)) != 0);
  CHECK((stat.fs_rights_base & RIGHT(FD_SEEK)) != 0);
  // Functions that have no use for a file are no rights of it.
  CHECK((stat.fs_rights_base & RIGHT(FD_READDIR)) == 0);
  CHECK((stat.fs_rights_base & RIGHT(PATH_OPEN)) == 0);
  CHECK_OK(__wasi_fd_close(fd));
}

static void directories(void) {
  Fdstat stat = stat_of(ROOT);
  CHECK_EQ(stat.fs_filetype, __WASI_FILETYPE_DIRECTORY);
  CHECK_EQ(stat.fs_flags, 0);
  CHECK((stat.fs_rights_base & RIGHT(PATH_OPEN)) != 0);
  CHECK((stat.fs_rights_base & RIGHT(FD_READDIR)) != 0);
  CHECK((stat.fs_rights_inheriting & RIGHT(FD_READ)) != 0);
  CHECK((stat.fs_rights_inheriting & RIGHT(FD_WRITE)) != 0);
  CHECK((stat.fs_rights_base & RIGHT(FD_SEEK)) == 0);
}

static void as_opened(void) {
  make_file("file", "abc");
  Fd reader = must_open(ROOT, "file", 0, READING), writer = must_open(ROOT, "file", 0, WRITING);
  CHECK((stat_of(reader).fs_rights_base & RIGHT(FD_READ)) != 0);
  CHECK((stat_of(reader).fs_rights_base & RIGHT(FD_WRITE)) == 0);
  CHECK((stat_of(writer).fs_rights_base & RIGHT(FD_WRITE)) != 0);
  CHECK((stat_of(writer).fs_rights_base & RIGHT(FD_READ)) == 0);
  CHECK_OK(__wasi_fd_close(reader));
  CHECK_OK(__wasi_fd_close(writer));
}

static void flags_as_opened(void) {
  Fd fd;
  REQUIRE(__wasi_path_open(ROOT, FOLLOW, "file", O_CREATE, BOTH, 0, __WASI_FDFLAGS_APPEND, &fd));
  CHECK_EQ(stat_of(fd).fs_flags, __WASI_FDFLAGS_APPEND);
  CHECK_OK(__wasi_fd_close(fd));
  REQUIRE(__wasi_path_open(ROOT, FOLLOW, "file", 0, BOTH, 0, __WASI_FDFLAGS_NONBLOCK, &fd));
  CHECK_EQ(stat_of(fd).fs_flags & ~__WASI_FDFLAGS_NONBLOCK, 0);
  CHECK_OK(__wasi_fd_close(fd));
}

// A program takes a descriptor for a terminal by its type and rights: pipes must not be one.
static void streams(void) {
  for (Fd fd = 0; fd < 3; fd++) {
    Fdstat stat = stat_of(fd);
    CHECK(stat.fs_filetype != __WASI_FILETYPE_REGULAR_FILE);
    CHECK(stat.fs_filetype != __WASI_FILETYPE_DIRECTORY);
    CHECK((stat.fs_rights_base & (fd == 0 ? RIGHT(FD_READ) : RIGHT(FD_WRITE))) != 0);
    CHECK_FAILS(isatty((int)fd) ? 0 : -1, ENOTTY);
  }
}

int main(void) {
  RUN(files);
  RUN(directories);
  RUN(as_opened);
  RUN(flags_as_opened);
  RUN(streams);
  return report();
}
