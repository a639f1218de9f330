// readv, writev, preadv and pwritev.
#include "files.h"
#include <sys/uio.h>

static void in_order(void) {
  int fd = MUST(open("file", O_RDWR | O_CREAT, 0644));
  CHECK_EQ(writev(fd, (struct iovec[]){{"ab", 2}, {"", 0}, {"cde", 3}}, 3), 5);
  CHECK_EQ(pwritev(fd, (struct iovec[]){{"X", 1}, {"Y", 1}}, 2, 1), 2);
  CHECK_EQ(lseek(fd, 0, SEEK_SET), 0);
  char a[2], b[8] = "........";
  CHECK_EQ(readv(fd, (struct iovec[]){{a, 2}, {b, 8}}, 2), 5);
  CHECK_TEXT(a, 2, "aX");
  CHECK_TEXT(b, 8, "Yde.....");
  CHECK_EQ(preadv(fd, (struct iovec[]){{a, 1}, {b, 2}}, 2, 3), 2);
  CHECK_TEXT(a, 1, "d");
  CHECK_TEXT(b, 2, "ed");
  CHECK_EQ(writev(fd, NULL, 0), 0);
  CHECK_EQ(readv(fd, NULL, 0), 0);
  volatile int negative = -1;
  CHECK_FAILS(writev(fd, (struct iovec[]){{"ab", 2}}, negative), EINVAL);
  CHECK_WORKS(close(fd));
}

int main(void) {
  RUN(in_order);
  return report();
}
