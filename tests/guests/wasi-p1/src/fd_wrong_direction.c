// A descriptor for reading does not write, and one for writing does not read.
#include "wasi.h"

static char buffer[4];
static __wasi_iovec_t in = {(uint8_t *)buffer, 4};
static __wasi_ciovec_t out = {(const uint8_t *)"x", 1};
static __wasi_size_t count;

static void for_reading(void) {
  make_file("file", "abc");
  Fd fd = must_open(ROOT, "file", 0, READING);
  CHECK_ERRNO(__wasi_fd_write(fd, &out, 1, &count), E(BADF));
  CHECK_ERRNO(__wasi_fd_pwrite(fd, &out, 1, 0, &count), E(BADF));
  CHECK_OK(__wasi_fd_read(fd, &in, 1, &count));
  CHECK_EQ(count, 3);
  CHECK_OK(__wasi_fd_close(fd));
  CHECK_FILE("file", "abc");
}

static void for_writing(void) {
  make_file("file", "abc");
  Fd fd = must_open(ROOT, "file", 0, WRITING);
  CHECK_ERRNO(__wasi_fd_read(fd, &in, 1, &count), E(BADF));
  CHECK_ERRNO(__wasi_fd_pread(fd, &in, 1, 0, &count), E(BADF));
  CHECK_OK(__wasi_fd_write(fd, &out, 1, &count));
  CHECK_EQ(count, 1);
  CHECK_OK(__wasi_fd_close(fd));
  CHECK_FILE("file", "xbc");
}

static void standard_streams(void) {
  CHECK_ERRNO(__wasi_fd_write(0, &out, 1, &count), E(BADF));
  CHECK_ERRNO(__wasi_fd_read(1, &in, 1, &count), E(BADF));
  CHECK_ERRNO(__wasi_fd_read(2, &in, 1, &count), E(BADF));
}

int main(void) {
  RUN(for_reading);
  RUN(for_writing);
  RUN(standard_streams);
  return report();
}
