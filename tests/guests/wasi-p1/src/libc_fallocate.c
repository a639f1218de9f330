// posix_fallocate and posix_fadvise, which return their errors.
#include "files.h"

static void allocate(void) {
  int fd = MUST(open("file", O_RDWR | O_CREAT, 0644));
  CHECK_ERRNO(posix_fallocate(fd, 0, 100), 0);
  CHECK_EQ(size_of("file"), 100);
  CHECK_ERRNO(posix_fallocate(fd, 0, 50), 0);
  CHECK_EQ(size_of("file"), 100);
  CHECK_ERRNO(posix_fallocate(fd, 0, 0), EINVAL);
  CHECK_ERRNO(posix_fallocate(fd, -1, 10), EINVAL);
  CHECK_WORKS(close(fd));
  CHECK_ERRNO(posix_fallocate(fd, 0, 200), EBADF);
}

static void advise(void) {
  int fd = MUST(open("file", O_RDWR));
  CHECK_ERRNO(posix_fadvise(fd, 0, 0, POSIX_FADV_SEQUENTIAL), 0);
  CHECK_ERRNO(posix_fadvise(fd, 10, 20, POSIX_FADV_WILLNEED), 0);
  CHECK_ERRNO(posix_fadvise(fd, 0, 0, 99), EINVAL);
  CHECK_WORKS(close(fd));
  CHECK_ERRNO(posix_fadvise(fd, 0, 0, POSIX_FADV_NORMAL), EBADF);
}

int main(void) {
  RUN(allocate);
  RUN(advise);
  return report();
}
