// Positions and sizes beyond 4 GiB, in a file that takes no space.
#include "files.h"

#define GIB ((off_t)1 << 30)

static void positions(void) {
  int fd = MUST(open("large", O_RDWR | O_CREAT, 0644));
  CHECK_WORKS(ftruncate(fd, 5 * GIB));
  CHECK_EQ(size_of("large"), 5 * GIB);
  CHECK_EQ(lseek(fd, -1, SEEK_END), 5 * GIB - 1);
  CHECK_EQ(write(fd, "xyz", 3), 3);
  CHECK_EQ(lseek(fd, 0, SEEK_CUR), 5 * GIB + 2);
  char buffer[8] = "........";
  CHECK_EQ(pread(fd, buffer, 8, 5 * GIB - 2), 4);
  CHECK(memcmp(buffer, "\0xyz", 4) == 0);
  CHECK_EQ(pwrite(fd, "abc", 3, 4 * GIB - 1), 3);
  CHECK_EQ(lseek(fd, 4 * GIB, SEEK_SET), 4 * GIB);
  CHECK_EQ(read(fd, buffer, 2), 2);
  CHECK_TEXT(buffer, 2, "bc");
  CHECK_EQ(pread(fd, buffer, 3, 0), 3);
  CHECK(memcmp(buffer, "\0\0\0", 3) == 0);
  CHECK_EQ(size_of("large"), 5 * GIB + 2);
  CHECK_WORKS(ftruncate(fd, 3));
  CHECK_EQ(size_of("large"), 3);
  CHECK_WORKS(close(fd));
}

static void by_stdio(void) {
  FILE *file = fopen("large", "w+");
  CHECK_WORKS(fseeko(file, 6 * GIB, SEEK_SET));
  CHECK_EQ(fputc('x', file), 'x');
  CHECK_EQ(ftello(file), 6 * GIB + 1);
  CHECK_WORKS(fclose(file));
  CHECK_EQ(size_of("large"), 6 * GIB + 1);
  CHECK_WORKS(unlink("large"));
}

int main(void) {
  RUN(positions);
  RUN(by_stdio);
  return report();
}
