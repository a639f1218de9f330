// What only files can do, with a directory.
#include "wasi.h"

static void refused(void) {
  char buffer[4];
  __wasi_iovec_t in = {(uint8_t *)buffer, 4};
  __wasi_ciovec_t out = {(const uint8_t *)"x", 1};
  __wasi_size_t count;
  Fd fd = open_dir(".");
  CHECK_EITHER(__wasi_fd_read(fd, &in, 1, &count), E(ISDIR), E(BADF));
  CHECK_EITHER(__wasi_fd_pread(fd, &in, 1, 0, &count), E(ISDIR), E(BADF));
  CHECK_EITHER(__wasi_fd_write(fd, &out, 1, &count), E(ISDIR), E(BADF));
  CHECK_EITHER(__wasi_fd_pwrite(fd, &out, 1, 0, &count), E(ISDIR), E(BADF));
  CHECK_ONE_OF(__wasi_fd_allocate(fd, 0, 10), E(ISDIR), E(BADF), E(NODEV));
  CHECK_ONE_OF(__wasi_fd_filestat_set_size(fd, 10), E(ISDIR), E(BADF), E(INVAL));
  CHECK_OK(__wasi_fd_close(fd));
}

int main(void) {
  RUN(refused);
  return report();
}
