// Writes until there is no room.
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
static char block[4096];
int main(void) {
  int fd = open("/tmp/big", O_CREAT | O_WRONLY, 0644), n = 0;
  while (n < 100000 && write(fd, block, sizeof block) == sizeof block) n++;
  printf("blocks %d %s\n", n, strerror(errno));
  printf("sparse %d %s\n", ftruncate(fd, 1 << 30), strerror(errno));
  printf("far %d", (int)lseek(fd, 0x7fffffff, SEEK_SET) > 0);
  printf(" %d %s\n", (int)write(fd, "x", 1), strerror(errno));
  int files = 0;
  char path[32];
  do sprintf(path, "/tmp/f%d", files); while (mkdir(path, 0755) == 0 && ++files < 100000);
  printf("files %d %s\n", files, strerror(errno));
  close(fd);
  unlink("/tmp/big");
  fd = open("/tmp/f0/again", O_CREAT | O_WRONLY, 0644);
  printf("again %d\n", write(fd, block, 100) == 100);
  return 0;
}
