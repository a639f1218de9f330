// Read-only directories as a program sees them through the C library.
#include "check.h"
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

static bool refused(int result) {
  return result == -1 && (errno == EROFS || errno == EPERM || errno == ENOTCAPABLE || errno == EACCES);
}

static void reading(void) {
  int fd = MUST(open("file", O_RDONLY));
  char buffer[8];
  CHECK_EQ(read(fd, buffer, 8), 3);
  CHECK_FAILS(write(fd, "x", 1), EBADF);
  CHECK_WORKS(close(fd));
  DIR *dir = opendir("dir");
  if (!CHECK(dir != NULL)) return;
  int entries = 0;
  while (readdir(dir) != NULL) entries++;
  CHECK_EQ(entries, 3);
  CHECK_WORKS(closedir(dir));
  struct stat stat;
  CHECK_WORKS(lstat("link", &stat));
  CHECK(S_ISLNK(stat.st_mode));
}

static void writing(void) {
  CHECK(refused(open("file", O_WRONLY)));
  CHECK(refused(open("file", O_RDWR)));
  CHECK(refused(open("file", O_WRONLY | O_TRUNC)));
  CHECK(refused(open("new", O_WRONLY | O_CREAT, 0644)));
  CHECK(refused(mkdir("new", 0755)));
  CHECK(refused(unlink("file")));
  CHECK(refused(rmdir("empty")));
  CHECK(refused(rename("file", "new")));
  CHECK(refused(symlink("file", "new")));
}

int main(void) {
  RUN(reading);
  RUN(writing);
  return report();
}
