// A thousand files open at once, if the host allows as many: different numbers, each its own position.
#include "wasi.h"

enum { COUNT = 1000, ENOUGH = 200 };
static Fd fds[COUNT];
static int opened;

static void different(void) {
  make_file("file", "0123456789");
  for (; opened < COUNT; opened++) {
    Errno error = open_path(ROOT, "file", 0, READING, &fds[opened]);
    if (error == E(MFILE) || error == E(NFILE)) break;
    REQUIRE(error);
    CHECK(fds[opened] > ROOT);
  }
  CHECK(opened >= ENOUGH);
  for (int i = 0; i < opened; i++) {
    __wasi_filesize_t at;
    CHECK_OK(__wasi_fd_seek(fds[i], i, __WASI_WHENCE_SET, &at));
  }
  for (int i = 0; i < opened; i++) CHECK_EQ(tell(fds[i]), i);
}

static void closed_in_any_order(void) {
  for (int i = 0; i < opened; i += 2) CHECK_OK(__wasi_fd_close(fds[i]));
  for (int i = 1; i < opened; i += 2) CHECK_EQ(tell(fds[i]), i);
  for (int i = 1; i < opened; i += 2) CHECK_OK(__wasi_fd_close(fds[i]));
  for (int i = 0; i < opened; i++) CHECK_ERRNO(__wasi_fd_close(fds[i]), E(BADF));
}

// Numbers are used again, else a program that opens and closes would run out of them.
static void again_and_again(void) {
  for (int i = 0; i < 5000; i++) {
    Fd fd = must_open(ROOT, "file", 0, READING);
    CHECK(fd < 100000);
    REQUIRE(__wasi_fd_close(fd));
  }
}

int main(void) {
  RUN(different);
  RUN(closed_in_any_order);
  RUN(again_and_again);
  return report();
}
