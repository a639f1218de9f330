// Directories: listing, moving, the working directory.
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void list(const char *path) {
  DIR *d = opendir(path);
  printf("%s:", path);
  struct dirent *e;
  while ((e = readdir(d))) {
    char type = e->d_type == DT_DIR ? '/' : e->d_type == DT_REG ? '-' : e->d_type == DT_LNK ? '@' : '?';
    printf(" %s%c", e->d_name, type);
  }
  printf("\n");
  closedir(d);
}

static void touch(const char *path) { close(open(path, O_CREAT | O_WRONLY, 0644)); }

int main(void) {
  char cwd[128];
  printf("cwd %s\n", getcwd(cwd, sizeof cwd));
  mkdir("/tmp/d", 0755);
  printf("chdir %d\n", chdir("/tmp/d"));
  printf("cwd %s\n", getcwd(cwd, sizeof cwd));
  touch("one"); touch("two"); touch("three");
  mkdir("sub", 0755);
  symlink("one", "link");
  list(".");
  printf("rename %d\n", rename("two", "sub/zwei"));
  list("."); list("sub");
  printf("rename dir %d\n", rename("sub", "moved"));
  list("/tmp/d");
  printf("access %d %d\n", access("moved/zwei", F_OK), access("sub/zwei", F_OK));
  printf("unlink %d\n", unlink("moved/../one"));
  list("/tmp/d/./moved/..");
  chdir("moved");
  printf("cwd %s\n", getcwd(cwd, sizeof cwd));
  chdir("../..");
  printf("cwd %s\n", getcwd(cwd, sizeof cwd));

  DIR *d = opendir("/tmp/d");
  readdir(d); readdir(d);
  long at = telldir(d);
  char first[256];
  strcpy(first, readdir(d)->d_name);
  readdir(d);
  seekdir(d, at);
  printf("seekdir %d\n", strcmp(first, readdir(d)->d_name) == 0);
  rewinddir(d);
  printf("rewind %s\n", readdir(d)->d_name);
  closedir(d);

  // Many entries, more than one call gives.
  mkdir("/tmp/many", 0755);
  for (int i = 0; i < 100; i++) {
    char path[64];
    sprintf(path, "/tmp/many/f%03d", i);
    touch(path);
  }
  d = opendir("/tmp/many");
  int n = 0, sum = 0;
  struct dirent *e;
  while ((e = readdir(d))) { n++; if (e->d_name[0] == 'f') sum += atoi(e->d_name + 1); }
  closedir(d);
  printf("many %d %d\n", n, sum);
  d = opendir("/tmp/many");
  while ((e = readdir(d))) if (e->d_name[0] == 'f') { char p[300]; sprintf(p, "/tmp/many/%s", e->d_name); unlink(p); }
  closedir(d);
  printf("rmdir %d\n", rmdir("/tmp/many"));
  struct dirent **names;
  n = scandir("/tmp/d", &names, NULL, alphasort);
  for (int i = 0; i < n; i++) printf("%s ", names[i]->d_name);
  printf("\n");
  return 0;
}
