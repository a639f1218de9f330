// Names, paths and descriptors up to their limits.
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
int main(void) {
  char name[400] = "/tmp/";
  memset(name + 5, 'n', 255);
  printf("longest name %d\n", open(name, O_CREAT | O_WRONLY, 0644) >= 0);
  int n = 0, fd;
  while ((fd = dup(1)) >= 0 && n < 10000) n++;
  printf("descriptors %d\n", n > 1000 && n < 10000 && errno == EMFILE);
  for (int i = 3; i < 10000; i++) close(i);
  printf("free again %d\n", open("/tmp/x", O_CREAT | O_RDWR, 0644) < 10);
  int deep = 0;
  chdir("/tmp");
  while (deep < 100 && mkdir("d", 0755) == 0 && chdir("d") == 0) deep++;
  char cwd[4096];
  printf("deep %d %d\n", deep, (int)strlen(getcwd(cwd, sizeof cwd)));
  printf("too small %d\n", getcwd(cwd, 10) == NULL && errno == ERANGE);
  for (int i = 0; i < deep; i++) { chdir(".."); rmdir("d"); }
  printf("back %s\n", getcwd(cwd, sizeof cwd));
  return 0;
}
