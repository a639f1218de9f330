// Works in the folder /data, which the host gives.
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *say(int r) { return r < 0 ? strerror(errno) : "ok"; }

int main(void) {
  char buf[128] = {0}, cwd[64];
  FILE *f = fopen("/data/in.txt", "r");
  printf("in: %s", f ? fgets(buf, sizeof buf, f) : "none\n");
  if (f) fclose(f);
  printf("chdir %s\n", say(chdir("/data")));
  printf("cwd %s\n", getcwd(cwd, sizeof cwd));
  f = fopen("out.txt", "w");
  fprintf(f, "from the guest\n");
  fclose(f);
  printf("mkdir %s\n", say(mkdir("sub", 0755)));
  printf("rename %s\n", say(rename("out.txt", "sub/out.txt")));
  int fd = open("sub/out.txt", O_RDWR | O_APPEND);
  write(fd, "more\n", 5);
  lseek(fd, 0, SEEK_SET);
  memset(buf, 0, sizeof buf);
  printf("read %d %s", (int)read(fd, buf, 64), buf);
  struct stat st;
  fstat(fd, &st);
  printf("size %d\n", (int)st.st_size);
  ftruncate(fd, 4);
  close(fd);
  printf("symlink %s\n", say(symlink("sub/out.txt", "link")));
  stat("link", &st);
  printf("through link %d\n", (int)st.st_size);
  DIR *d = opendir(".");
  int names = 0;
  while (readdir(d)) names++;
  closedir(d);
  printf("names %d\n", names);
  // Ways out.
  printf("up %d\n", open("/data/../data/../../../../etc/passwd", O_RDONLY) < 0);
  printf("link out %s\n", say(symlink("../../../../../../etc/passwd", "out")));
  printf("by link %d\n", open("out", O_RDONLY) < 0);
  printf("absolute %d\n", open("/etc/passwd", O_RDONLY) < 0);
  printf("evil %d\n", open("evil", O_RDONLY) < 0);
  printf("rename out %d\n", rename("sub/out.txt", "../../x") < 0);
  printf("across %s\n", say(rename("sub/out.txt", "/tmp/x")));
  printf("unlink %s\n", say(unlink("link")));
  printf("rmdir full %d\n", rmdir("sub") < 0);
  printf("rmdir mount %d\n", rmdir("/data") < 0);
  return 0;
}
