// Reading moves the position and stops at the end of the file.
#include "wasi.h"

static void in_parts(void) {
  Fd fd = new_file("file", "0123456789");
  char buffer[16] = {0};
  __wasi_size_t count = 99;
  CHECK_OK(read_into(fd, buffer, 4, &count));
  CHECK_TEXT(buffer, count, "0123");
  CHECK_EQ(tell(fd), 4);
  CHECK_OK(read_into(fd, buffer, 16, &count));
  CHECK_TEXT(buffer, count, "456789");
  CHECK_EQ(tell(fd), 10);
  CHECK_OK(__wasi_fd_close(fd));
}

static void at_the_end(void) {
  Fd fd = new_file("file", "");
  char buffer[4] = "abc";
  __wasi_size_t count = 99;
  CHECK_OK(read_into(fd, buffer, sizeof buffer, &count));
  CHECK_EQ(count, 0);
  CHECK_TEXT(buffer, 3, "abc");
  // What is added meanwhile is there at the next call.
  Fd writer = must_open(ROOT, "file", 0, WRITING);
  must_write(writer, "xy");
  CHECK_OK(read_into(fd, buffer, sizeof buffer, &count));
  CHECK_TEXT(buffer, count, "xy");
  CHECK_OK(__wasi_fd_close(fd));
  CHECK_OK(__wasi_fd_close(writer));
}

static void of_length_zero(void) {
  Fd fd = new_file("file", "abc");
  char byte = 'q';
  __wasi_size_t count = 99;
  CHECK_OK(read_into(fd, &byte, 0, &count));
  CHECK_EQ(count, 0);
  CHECK_EQ(byte, 'q');
  CHECK_EQ(tell(fd), 0);
  CHECK_OK(__wasi_fd_close(fd));
}

// Two descriptors of one file have two positions.
static void independent_positions(void) {
  Fd first = new_file("file", "abcdef"), second = must_open(ROOT, "file", 0, READING);
  char buffer[3];
  __wasi_size_t count;
  CHECK_OK(read_into(first, buffer, 3, &count));
  CHECK_OK(read_into(second, buffer, 3, &count));
  CHECK_TEXT(buffer, count, "abc");
  CHECK_OK(read_into(first, buffer, 3, &count));
  CHECK_TEXT(buffer, count, "def");
  CHECK_OK(__wasi_fd_close(first));
  CHECK_OK(__wasi_fd_close(second));
}

int main(void) {
  RUN(in_parts);
  RUN(at_the_end);
  RUN(of_length_zero);
  RUN(independent_positions);
  return report();
}
