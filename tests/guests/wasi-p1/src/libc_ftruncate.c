// ftruncate: shorter, longer, the position, and errors.
#include "files.h"

static void shorter_and_longer(void) {
  make_file("file", "0123456789");
  int fd = MUST(open("file", O_RDWR));
  CHECK_EQ(lseek(fd, 8, SEEK_SET), 8);
  CHECK_WORKS(ftruncate(fd, 4));
  CHECK_EQ(size_of("file"), 4);
  CHECK_EQ(lseek(fd, 0, SEEK_CUR), 8);
  CHECK_EQ(write(fd, "x", 1), 1);
  CHECK_EQ(size_of("file"), 9);
  CHECK_WORKS(ftruncate(fd, 12));
  CHECK_EQ(read_file("file"), 12);
  CHECK(memcmp(contents, "0123\0\0\0\0x\0\0\0", 12) == 0);
  CHECK_WORKS(close(fd));
}

static void errors(void) {
  int fd = MUST(open("file", O_RDWR));
  CHECK_FAILS(ftruncate(fd, -1), EINVAL);
  CHECK_WORKS(close(fd));
  CHECK_FAILS(ftruncate(fd, 0), EBADF);
  CHECK_EQ(size_of("file"), 12);
}

int main(void) {
  RUN(shorter_and_longer);
  RUN(errors);
  return report();
}
