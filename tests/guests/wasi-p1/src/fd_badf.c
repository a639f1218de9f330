// Every function that takes a descriptor, with one that is not open.
#include "wasi.h"

static void with(Fd fd) {
  char bytes[64];
  __wasi_iovec_t in = {(uint8_t *)bytes, 1};
  __wasi_ciovec_t out = {(const uint8_t *)"x", 1};
  __wasi_size_t count;
  __wasi_filesize_t offset;
  Fdstat fdstat;
  Filestat stat;
  __wasi_prestat_t prestat;
  __wasi_roflags_t flags;
  Fd other;
  CHECK_ERRNO(__wasi_fd_advise(fd, 0, 0, 0), E(BADF));
  CHECK_ERRNO(__wasi_fd_allocate(fd, 0, 1), E(BADF));
  CHECK_ERRNO(__wasi_fd_close(fd), E(BADF));
  CHECK_ERRNO(__wasi_fd_datasync(fd), E(BADF));
  CHECK_ERRNO(__wasi_fd_fdstat_get(fd, &fdstat), E(BADF));
  CHECK_ERRNO(__wasi_fd_fdstat_set_flags(fd, 0), E(BADF));
  CHECK_ERRNO(__wasi_fd_fdstat_set_rights(fd, 0, 0), E(BADF));
  CHECK_ERRNO(__wasi_fd_filestat_get(fd, &stat), E(BADF));
  CHECK_ERRNO(__wasi_fd_filestat_set_size(fd, 0), E(BADF));
  CHECK_ERRNO(__wasi_fd_filestat_set_times(fd, 0, 0, 0), E(BADF));
  CHECK_ERRNO(__wasi_fd_pread(fd, &in, 1, 0, &count), E(BADF));
  CHECK_ERRNO(__wasi_fd_prestat_get(fd, &prestat), E(BADF));
  CHECK_ERRNO(__wasi_fd_prestat_dir_name(fd, (uint8_t *)bytes, 64), E(BADF));
  CHECK_ERRNO(__wasi_fd_pwrite(fd, &out, 1, 0, &count), E(BADF));
  CHECK_ERRNO(__wasi_fd_read(fd, &in, 1, &count), E(BADF));
  CHECK_ERRNO(__wasi_fd_readdir(fd, (uint8_t *)bytes, 64, 0, &count), E(BADF));
  CHECK_ERRNO(__wasi_fd_renumber(fd, fd), E(BADF));
  CHECK_ERRNO(__wasi_fd_seek(fd, 0, 0, &offset), E(BADF));
  CHECK_ERRNO(__wasi_fd_sync(fd), E(BADF));
  CHECK_ERRNO(__wasi_fd_tell(fd, &offset), E(BADF));
  CHECK_ERRNO(__wasi_fd_write(fd, &out, 1, &count), E(BADF));
  CHECK_ERRNO(__wasi_path_create_directory(fd, "a"), E(BADF));
  CHECK_ERRNO(__wasi_path_filestat_get(fd, 0, "a", &stat), E(BADF));
  CHECK_ERRNO(__wasi_path_filestat_set_times(fd, 0, "a", 0, 0, 0), E(BADF));
  CHECK_ERRNO(__wasi_path_link(fd, 0, "a", ROOT, "b"), E(BADF));
  CHECK_ERRNO(__wasi_path_link(ROOT, 0, "file", fd, "b"), E(BADF));
  CHECK_ERRNO(__wasi_path_open(fd, 0, "a", 0, READING, 0, 0, &other), E(BADF));
  CHECK_ERRNO(__wasi_path_readlink(fd, "a", (uint8_t *)bytes, 64, &count), E(BADF));
  CHECK_ERRNO(__wasi_path_remove_directory(fd, "a"), E(BADF));
  CHECK_ERRNO(__wasi_path_rename(fd, "a", ROOT, "b"), E(BADF));
  CHECK_ERRNO(__wasi_path_rename(ROOT, "file", fd, "b"), E(BADF));
  CHECK_ERRNO(__wasi_path_symlink("t", fd, "a"), E(BADF));
  CHECK_ERRNO(__wasi_path_unlink_file(fd, "a"), E(BADF));
  CHECK_ERRNO(__wasi_sock_accept(fd, 0, &other), E(BADF));
  CHECK_ERRNO(__wasi_sock_recv(fd, &in, 1, 0, &count, &flags), E(BADF));
  CHECK_ERRNO(__wasi_sock_send(fd, &out, 1, 0, &count), E(BADF));
  CHECK_ERRNO(__wasi_sock_shutdown(fd, __WASI_SDFLAGS_WR), E(BADF));
}

static void closed(void) {
  make_file("file", "");
  Fd fd = must_open(ROOT, "file", 0, BOTH);
  REQUIRE(__wasi_fd_close(fd));
  with(fd);
}

static void never_open(void) { with(1000); }
static void far_away(void) { with(INT32_MAX); }
static void negative(void) { with(-1); }

int main(void) {
  RUN(closed);
  RUN(never_open);
  RUN(far_away);
  RUN(negative);
  return report();
}
