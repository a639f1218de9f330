// lseek and what reads and writes make of the position.
#include "files.h"

static void bases(void) {
  int fd = MUST(open("file", O_RDWR));
  CHECK_EQ(lseek(fd, 5, SEEK_SET), 5);
  CHECK_EQ(lseek(fd, -2, SEEK_CUR), 3);
  CHECK_EQ(lseek(fd, -3, SEEK_END), 7);
  CHECK_FAILS(lseek(fd, -8, SEEK_CUR), EINVAL);
  CHECK_FAILS(lseek(fd, 0, 99), EINVAL);
  CHECK_EQ(lseek(fd, 0, SEEK_CUR), 7);
  CHECK_EQ(lseek(fd, 20, SEEK_SET), 20);
  CHECK_EQ(read(fd, contents, 4), 0);
  CHECK_EQ(write(fd, "x", 1), 1);
  CHECK_EQ(size_of("file"), 21);
  CHECK_WORKS(close(fd));
  CHECK_FAILS(lseek(fd, 0, SEEK_SET), EBADF);
}

static void positioned(void) {
  make_file("file", "0123456789");
  int fd = MUST(open("file", O_RDWR));
  CHECK_EQ(pwrite(fd, "ab", 2, 4), 2);
  CHECK_EQ(pread(fd, contents, 4, 3), 4);
  CHECK_TEXT(contents, 4, "3ab6");
  CHECK_EQ(lseek(fd, 0, SEEK_CUR), 0);
  CHECK_FAILS(pread(fd, contents, 1, -1), EINVAL);
  CHECK_WORKS(close(fd));
}

static void pipes(void) {
  CHECK_FAILS(lseek(STDOUT_FILENO, 0, SEEK_CUR), ESPIPE);
  CHECK_FAILS(pwrite(STDOUT_FILENO, "x", 1, 0), ESPIPE);
}

int main(void) {
  make_file("file", "0123456789");
  RUN(bases);
  RUN(positioned);
  RUN(pipes);
  return report();
}
