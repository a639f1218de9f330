// Whole trees: walking, removing, paths with dots and links.
#include <dirent.h>
#include <fcntl.h>
#include <ftw.h>
#include <glob.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
static int files, dirs;
static int visit(const char *path, const struct stat *st, int type, struct FTW *f) {
  (void)path; (void)st; (void)f;
  if (type == FTW_D || type == FTW_DP) dirs++; else files++;
  return 0;
}
static int del(const char *path, const struct stat *st, int type, struct FTW *f) { (void)st; (void)type; (void)f; return remove(path); }
int main(void) {
  char path[256];
  for (int i = 0; i < 4; i++) {
    sprintf(path, "/tmp/t%d", i); mkdir(path, 0755);
    for (int j = 0; j < 3; j++) { sprintf(path, "/tmp/t%d/s%d", i, j); mkdir(path, 0755); sprintf(path, "/tmp/t%d/s%d/f.txt", i, j); close(open(path, O_CREAT | O_WRONLY, 0644)); }
  }
  nftw("/tmp/t0", visit, 8, FTW_PHYS);
  printf("walk %d %d\n", files, dirs);
  char real[PATH_MAX];
  printf("realpath %s\n", realpath("/tmp/t1/../t2/./s0/f.txt", real));
  symlink("/tmp/t3", "/tmp/t0/link");
  printf("through %s\n", realpath("/tmp/t0/link/s1", real));
  printf("open through %d\n", open("/tmp/t0/link/s2/f.txt", O_RDONLY) >= 0);
  symlink("../t1", "/tmp/t0/relative");
  printf("relative %s\n", realpath("/tmp/t0/relative/s1", real));
  symlink("nowhere", "/tmp/t0/dangling");
  printf("dangling %d\n", open("/tmp/t0/dangling", O_RDONLY) < 0);
  glob_t g;
  printf("glob %d", glob("/tmp/t*/s1/*.txt", 0, NULL, &g));
  printf(" %d\n", (int)g.gl_pathc);
  printf("remove %d\n", nftw("/tmp/t0", del, 8, FTW_DEPTH | FTW_PHYS));
  printf("gone %d still %d\n", access("/tmp/t0", F_OK), access("/tmp/t3/s1/f.txt", F_OK));
  printf("into itself %d\n", rename("/tmp/t1", "/tmp/t1/s0/x") < 0);
  printf("over full %d\n", rename("/tmp/t1", "/tmp/t2") < 0);
  mkdir("/tmp/empty", 0755);
  printf("over empty %d\n", rename("/tmp/t1", "/tmp/empty"));
  rename("/tmp/t2/s0/f.txt", "/tmp/t2/s1/f.txt");
  printf("replaced %d %d\n", access("/tmp/t2/s0/f.txt", F_OK), access("/tmp/t2/s1/f.txt", F_OK));
  DIR *d = opendir("/tmp/t2");
  int dfd = dirfd(d);
  printf("openat %d\n", openat(dfd, "s1/f.txt", O_RDONLY) >= 0);
  printf("mkdirat %d\n", mkdirat(dfd, "new", 0755));
  struct stat st;
  printf("fstatat %d %d\n", fstatat(dfd, "new", &st, 0), S_ISDIR(st.st_mode));
  printf("unlinkat %d\n", unlinkat(dfd, "new", AT_REMOVEDIR));
  printf("renameat %d\n", renameat(dfd, "s1/f.txt", dfd, "g.txt"));
  printf("fchdir %d %s\n", fchdir(dfd), getcwd(real, sizeof real));
  printf("faccessat %d\n", faccessat(AT_FDCWD, "g.txt", R_OK, 0));
  closedir(d);
  return 0;
}
