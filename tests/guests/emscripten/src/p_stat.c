// Attributes of files.
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>
#include <utime.h>

int main(void) {
  struct stat st;
  close(open("/tmp/f", O_CREAT | O_RDWR, 0640));
  truncate("/tmp/f", 5000);
  stat("/tmp/f", &st);
  printf("%o %d %d %d\n", st.st_mode, (int)st.st_size, (int)st.st_nlink, S_ISREG(st.st_mode));
  printf("blksize %d blocks %d\n", (int)st.st_blksize, (int)st.st_blocks);
  printf("recent %d\n", time(NULL) - st.st_mtime < 100);
  chmod("/tmp/f", 0444);
  stat("/tmp/f", &st);
  printf("%o\n", st.st_mode & 07777);
  printf("access r %d w %d x %d\n", access("/tmp/f", R_OK), access("/tmp/f", W_OK), access("/tmp/f", X_OK));
  printf("open to write %d\n", open("/tmp/f", O_WRONLY) >= 0);
  struct utimbuf t = {1000000000, 1100000000};
  printf("utime %d\n", utime("/tmp/f", &t));
  stat("/tmp/f", &st);
  printf("mtime %d\n", (int)st.st_mtime);
  mkdir("/tmp/d", 0700);
  stat("/tmp/d", &st);
  printf("dir %d %o\n", S_ISDIR(st.st_mode), st.st_mode & 0777);
  symlink("/tmp/f", "/tmp/l");
  lstat("/tmp/l", &st);
  printf("link %d %d\n", S_ISLNK(st.st_mode), (int)st.st_size);
  stat("/tmp/l", &st);
  printf("through %d\n", S_ISREG(st.st_mode));
  char buf[64];
  int n = readlink("/tmp/l", buf, sizeof buf);
  printf("readlink %.*s\n", n, buf);
  n = readlink("/tmp/l", buf, 4);
  printf("cut %.*s\n", n, buf);
  int fd = open("/tmp/l", O_RDONLY);
  fstat(fd, &st);
  struct stat other;
  stat("/tmp/f", &other);
  printf("same file %d\n", st.st_ino == other.st_ino && st.st_dev == other.st_dev);
  stat("/dev/null", &st);
  printf("null %d\n", S_ISCHR(st.st_mode));
  fd = open("/dev/null", O_RDWR);
  printf("null write %d read %d\n", (int)write(fd, "abc", 3), (int)read(fd, buf, 3));
  fd = open("/dev/urandom", O_RDONLY);
  memset(buf, 0, sizeof buf);
  n = read(fd, buf, 32);
  int any = 0;
  for (int i = 0; i < 32; i++) any |= buf[i];
  printf("random %d %d\n", n, any != 0);
  return 0;
}
