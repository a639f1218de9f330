// Buffers, lists of buffers and results outside of memory: an error, and nothing is read or written.
#include "wasi.h"

RAW(fd_read, int32_t fd, uint32_t iovs, uint32_t count, uint32_t result);
RAW(fd_write, int32_t fd, uint32_t iovs, uint32_t count, uint32_t result);
RAW(fd_pread, int32_t fd, uint32_t iovs, uint32_t count, uint64_t offset, uint32_t result);
RAW(fd_pwrite, int32_t fd, uint32_t iovs, uint32_t count, uint64_t offset, uint32_t result);
RAW(fd_seek, int32_t fd, int64_t offset, uint32_t whence, uint32_t result);

static uint32_t iovs[4];
static uint32_t result;
static char buffer[8] = "........";
static Fd fd;

// The two buffers of `iovs` are good, then bad.
static void refused(void) {
  CHECK_ERRNO(raw_fd_read(fd, address(iovs), 2, address(&result)), E(FAULT));
  CHECK_ERRNO(raw_fd_pread(fd, address(iovs), 2, 0, address(&result)), E(FAULT));
  CHECK_ERRNO(raw_fd_write(fd, address(iovs), 2, address(&result)), E(FAULT));
  CHECK_ERRNO(raw_fd_pwrite(fd, address(iovs), 2, 0, address(&result)), E(FAULT));
}

static void buffers(void) {
  uint32_t end = (uint32_t)__builtin_wasm_memory_size(0) * 65536;
  iovs[0] = address(buffer);
  iovs[1] = 2;
  iovs[2] = OUTSIDE;
  iovs[3] = 2;
  refused();
  iovs[2] = address(buffer);
  iovs[3] = UINT32_MAX;  // Wraps around.
  refused();
  iovs[2] = end - 1;
  iovs[3] = 2;
  refused();
}

static void lists(void) {
  uint32_t end = (uint32_t)__builtin_wasm_memory_size(0) * 65536;
  CHECK_ERRNO(raw_fd_read(fd, OUTSIDE, 1, address(&result)), E(FAULT));
  CHECK_ERRNO(raw_fd_write(fd, OUTSIDE, 1, address(&result)), E(FAULT));
  CHECK_ERRNO(raw_fd_read(fd, end - 8, 2, address(&result)), E(FAULT));
  CHECK_ERRNO(raw_fd_write(fd, end - 8, 2, address(&result)), E(FAULT));
  // 2^29 times 8 bytes is 0 in 32 bits.
  CHECK_EITHER(raw_fd_read(fd, address(iovs), 1u << 29, address(&result)), E(FAULT), E(INVAL));
  CHECK_EITHER(raw_fd_write(fd, address(iovs), 1u << 29, address(&result)), E(FAULT), E(INVAL));
}

static void results(void) {
  iovs[0] = address(buffer);
  iovs[1] = 2;
  CHECK_ERRNO(raw_fd_read(fd, address(iovs), 1, OUTSIDE), E(FAULT));
  CHECK_ERRNO(raw_fd_pread(fd, address(iovs), 1, 0, OUTSIDE), E(FAULT));
  CHECK_ERRNO(raw_fd_write(fd, address(iovs), 1, OUTSIDE), E(FAULT));
  CHECK_ERRNO(raw_fd_pwrite(fd, address(iovs), 1, 0, OUTSIDE), E(FAULT));
  CHECK_ERRNO(raw_fd_seek(fd, 3, 0, OUTSIDE), E(FAULT));
}

static void nothing_happened(void) {
  CHECK_EQ(tell(fd), 0);
  CHECK_TEXT(buffer, 8, "........");
  CHECK_FILE("file", "0123456789");
}

int main(void) {
  fd = new_file("file", "0123456789");
  RUN(buffers);
  RUN(lists);
  RUN(results);
  RUN(nothing_happened);
  return report();
}
