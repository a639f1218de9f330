// Reading into several buffers fills them in order; into none reads nothing.
#include "wasi.h"

static void in_order(void) {
  Fd fd = new_file("file", "0123456789");
  char a[3], b[1], c[4], d[8] = "........";
  __wasi_iovec_t iovs[] = {{(uint8_t *)a, 3}, {(uint8_t *)b, 0}, {(uint8_t *)b, 1}, {(uint8_t *)c, 4}, {(uint8_t *)d, 8}};
  __wasi_size_t count = 0;
  CHECK_OK(__wasi_fd_read(fd, iovs, COUNT_OF(iovs), &count));
  CHECK_EQ(count, 10);
  CHECK_TEXT(a, 3, "012");
  CHECK_TEXT(b, 1, "3");
  CHECK_TEXT(c, 4, "4567");
  CHECK_TEXT(d, 8, "89......");
  CHECK_OK(__wasi_fd_close(fd));
}

static void into_none(void) {
  Fd fd = new_file("file", "abc");
  __wasi_size_t count = 99;
  CHECK_OK(__wasi_fd_read(fd, NULL, 0, &count));
  CHECK_EQ(count, 0);
  CHECK_EQ(tell(fd), 0);
  CHECK_OK(__wasi_fd_close(fd));
}

static void into_the_same(void) {
  Fd fd = new_file("file", "abcd");
  char buffer[2];
  __wasi_iovec_t iovs[] = {{(uint8_t *)buffer, 2}, {(uint8_t *)buffer, 2}};
  __wasi_size_t count = 0;
  CHECK_OK(__wasi_fd_read(fd, iovs, 2, &count));
  // A host may stop after any buffer, but what it says it read must be there.
  CHECK(count == 2 || count == 4);
  CHECK_TEXT(buffer, 2, count == 2 ? "ab" : "cd");
  CHECK_OK(__wasi_fd_close(fd));
}

int main(void) {
  RUN(in_order);
  RUN(into_none);
  RUN(into_the_same);
  return report();
}
