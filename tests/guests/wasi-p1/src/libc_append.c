// O_APPEND, when opening and later by fcntl.
#include "files.h"

static void when_opening(void) {
  int fd = MUST(open("file", O_WRONLY | O_APPEND | O_CREAT, 0644));
  CHECK_EQ(write(fd, "abc", 3), 3);
  CHECK_EQ(lseek(fd, 0, SEEK_SET), 0);
  CHECK_EQ(write(fd, "def", 3), 3);
  CHECK_EQ(lseek(fd, 0, SEEK_CUR), 6);
  CHECK_WORKS(close(fd));
  CHECK_FILE("file", "abcdef");
}

static void by_fcntl(void) {
  int fd = MUST(open("file", O_RDWR));
  int flags = MUST(fcntl(fd, F_GETFL));
  CHECK_EQ(flags & O_APPEND, 0);
  CHECK_EQ(flags & O_ACCMODE, O_RDWR);
  CHECK_WORKS(fcntl(fd, F_SETFL, flags | O_APPEND));
  CHECK(fcntl(fd, F_GETFL) & O_APPEND);
  CHECK_EQ(write(fd, "ghi", 3), 3);
  CHECK_WORKS(fcntl(fd, F_SETFL, flags));
  CHECK_EQ(lseek(fd, 0, SEEK_SET), 0);
  CHECK_EQ(write(fd, "ABC", 3), 3);
  CHECK_WORKS(close(fd));
  CHECK_FILE("file", "ABCdefghi");
}

static void access_modes(void) {
  int fd = MUST(open("file", O_RDONLY));
  CHECK_EQ(fcntl(fd, F_GETFL) & O_ACCMODE, O_RDONLY);
  CHECK_FAILS(write(fd, "x", 1), EBADF);
  CHECK_WORKS(close(fd));
  fd = MUST(open("file", O_WRONLY));
  CHECK_EQ(fcntl(fd, F_GETFL) & O_ACCMODE, O_WRONLY);
  CHECK_FAILS(read(fd, contents, 1), EBADF);
  CHECK_WORKS(close(fd));
  CHECK_FAILS(fcntl(fd, F_GETFL), EBADF);
}

int main(void) {
  RUN(when_opening);
  RUN(by_fcntl);
  RUN(access_modes);
  return report();
}
