// Advice of every kind is taken and changes nothing that can be seen; other numbers are errors.
#include "wasi.h"

static void every_kind(void) {
  Fd fd = new_file("file", "0123456789");
  for (int advice = __WASI_ADVICE_NORMAL; advice <= __WASI_ADVICE_NOREUSE; advice++) {
    CHECK_OK(__wasi_fd_advise(fd, 0, 0, (__wasi_advice_t)advice));
    CHECK_OK(__wasi_fd_advise(fd, 2, 5, (__wasi_advice_t)advice));
    CHECK_OK(__wasi_fd_advise(fd, 1000, 5, (__wasi_advice_t)advice));
  }
  CHECK_EQ(size_of(fd), 10);
  CHECK_EQ(tell(fd), 0);
  CHECK_OK(__wasi_fd_close(fd));
  CHECK_FILE("file", "0123456789");
}

static void unknown_kinds(void) {
  Fd fd = new_file("file", "abc");
  CHECK_ERRNO(__wasi_fd_advise(fd, 0, 0, 6), E(INVAL));
  CHECK_ERRNO(__wasi_fd_advise(fd, 0, 0, 255), E(INVAL));
  CHECK_OK(__wasi_fd_close(fd));
}

static void other_descriptors(void) {
  CHECK_ONE_OF(__wasi_fd_advise(0, 0, 0, __WASI_ADVICE_NORMAL), E(SPIPE), E(BADF), E(INVAL), E(NOTCAPABLE));
  CHECK_ONE_OF(__wasi_fd_advise(ROOT, 0, 0, __WASI_ADVICE_WILLNEED), E(BADF), E(ISDIR), E(INVAL), E(NOTCAPABLE));
}

int main(void) {
  RUN(every_kind);
  RUN(unknown_kinds);
  RUN(other_descriptors);
  return report();
}
