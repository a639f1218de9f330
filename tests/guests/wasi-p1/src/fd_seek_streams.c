// Streams have no position.
#include "wasi.h"

static void no_position(void) {
  for (Fd fd = 0; fd < 3; fd++) {
    __wasi_filesize_t at = 77;
    CHECK_ERRNO(__wasi_fd_seek(fd, 0, __WASI_WHENCE_CUR, &at), E(SPIPE));
    CHECK_ERRNO(__wasi_fd_seek(fd, 0, __WASI_WHENCE_SET, &at), E(SPIPE));
    CHECK_ERRNO(__wasi_fd_seek(fd, 0, __WASI_WHENCE_END, &at), E(SPIPE));
    CHECK_ERRNO(__wasi_fd_tell(fd, &at), E(SPIPE));
    CHECK_EQ(at, 77);
  }
}

static void no_offsets(void) {
  char byte = 'x';
  __wasi_iovec_t in = {(uint8_t *)&byte, 1};
  __wasi_ciovec_t out = {(const uint8_t *)&byte, 1};
  __wasi_size_t count;
  CHECK_ERRNO(__wasi_fd_pread(0, &in, 1, 0, &count), E(SPIPE));
  CHECK_ERRNO(__wasi_fd_pwrite(1, &out, 1, 0, &count), E(SPIPE));
  CHECK_ERRNO(__wasi_fd_pwrite(2, &out, 1, 0, &count), E(SPIPE));
}

int main(void) {
  RUN(no_position);
  RUN(no_offsets);
  return report();
}
