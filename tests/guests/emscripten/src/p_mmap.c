// Mapped files and anonymous memory.
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
int main(void) {
  int fd = open("/tmp/m", O_CREAT | O_RDWR, 0644);
  write(fd, "hello mapped world", 18);
  char *p = mmap(NULL, 18, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  printf("mapped %d %.18s\n", p != MAP_FAILED, p);
  memcpy(p, "HELLO", 5);
  printf("msync %d\n", msync(p, 18, MS_SYNC));
  char buf[32] = {0};
  pread(fd, buf, 18, 0);
  printf("%s\n", buf);
  memcpy(p + 13, "WORLD", 5);
  printf("munmap %d\n", munmap(p, 18));
  pread(fd, buf, 18, 0);
  printf("%s\n", buf);
  char *a = mmap(NULL, 100000, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  printf("anonymous %d zero %d\n", a != MAP_FAILED, a[0] == 0 && a[99999] == 0);
  memset(a, 1, 100000);
  printf("unmapped %d\n", munmap(a, 100000));
  p = mmap(NULL, 5, PROT_READ, MAP_PRIVATE, fd, 0);
  printf("private %.5s\n", p);
  printf("bad %d\n", mmap(NULL, 5, PROT_READ, MAP_PRIVATE, 77, 0) == MAP_FAILED);
  return 0;
}
