// Rights shrink and do not grow, and what they no longer allow is refused.
#include "wasi.h"

static Fdstat stat_of(Fd fd) {
  Fdstat stat = {0};
  CHECK_OK(__wasi_fd_fdstat_get(fd, &stat));
  return stat;
}

static void the_same(void) {
  Fd fd = new_file("file", "abc");
  Fdstat before = stat_of(fd);
  CHECK_OK(__wasi_fd_fdstat_set_rights(fd, before.fs_rights_base, before.fs_rights_inheriting));
  CHECK_EQ(stat_of(fd).fs_rights_base, before.fs_rights_base);
  CHECK_EQ(stat_of(fd).fs_rights_inheriting, before.fs_rights_inheriting);
  CHECK_OK(__wasi_fd_close(fd));
}

static void shrink(void) {
  Fd fd = new_file("file", "abc");
  __wasi_rights_t less = stat_of(fd).fs_rights_base & ~(RIGHT(FD_WRITE) | RIGHT(FD_FILESTAT_SET_SIZE));
  CHECK_OK(__wasi_fd_fdstat_set_rights(fd, less, 0));
  CHECK_EQ(stat_of(fd).fs_rights_base, less);
  CHECK_EQ(stat_of(fd).fs_rights_inheriting, 0);
  __wasi_size_t count;
  CHECK_EITHER(write_text(fd, "x", &count), E(NOTCAPABLE), E(BADF));
  CHECK_EITHER(__wasi_fd_filestat_set_size(fd, 0), E(NOTCAPABLE), E(BADF));
  char buffer[4];
  CHECK_OK(read_into(fd, buffer, 4, &count));
  CHECK_OK(__wasi_fd_close(fd));
  CHECK_FILE("file", "abc");
}

static void never_grow(void) {
  make_file("file", "abc");
  Fd fd = must_open(ROOT, "file", 0, READING);
  Fdstat before = stat_of(fd);
  CHECK_ERRNO(__wasi_fd_fdstat_set_rights(fd, before.fs_rights_base | RIGHT(FD_WRITE), 0), E(NOTCAPABLE));
  CHECK_ERRNO(__wasi_fd_fdstat_set_rights(fd, before.fs_rights_base, before.fs_rights_inheriting | RIGHT(SOCK_ACCEPT)),
              E(NOTCAPABLE));
  CHECK_EQ(stat_of(fd).fs_rights_base, before.fs_rights_base);
  // What was given up is gone.
  CHECK_OK(__wasi_fd_fdstat_set_rights(fd, 0, 0));
  CHECK_ERRNO(__wasi_fd_fdstat_set_rights(fd, RIGHT(FD_READ), 0), E(NOTCAPABLE));
  CHECK_OK(__wasi_fd_close(fd));
}

static void of_directories(void) {
  make_dir("dir");
  Fd dir = open_dir("dir");
  Fdstat before = stat_of(dir);
  CHECK_OK(__wasi_fd_fdstat_set_rights(dir, before.fs_rights_base & ~RIGHT(PATH_CREATE_DIRECTORY),
                                       before.fs_rights_inheriting));
  CHECK_ERRNO(__wasi_path_create_directory(dir, "inner"), E(NOTCAPABLE));
  CHECK(!exists("dir/inner"));
  CHECK_OK(__wasi_fd_close(dir));
}

int main(void) {
  RUN(the_same);
  RUN(shrink);
  RUN(never_grow);
  RUN(of_directories);
  return report();
}
