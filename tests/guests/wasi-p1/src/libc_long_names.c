// Names and paths that are as long as they may be, and longer.
#include "files.h"

static char name[8192];

static const char *of_length(size_t len) {
  memset(name, 'n', len);
  name[len] = 0;
  return name;
}

static void names(void) {
  make_file(of_length(255), "abc");
  CHECK_FILE(of_length(255), "abc");
  CHECK_WORKS(unlink(of_length(255)));
  struct stat stat_;
  CHECK_FAILS(try_open(of_length(256), O_WRONLY | O_CREAT), ENAMETOOLONG);
  CHECK_FAILS(mkdir(of_length(256), 0755), ENAMETOOLONG);
  CHECK_FAILS(stat(of_length(256), &stat_), ENAMETOOLONG);
  CHECK_FAILS(rename("file", of_length(256)), ENAMETOOLONG);
  CHECK_FAILS(unlink(of_length(256)), ENAMETOOLONG);
}

static void paths(void) {
  for (size_t i = 0; i < 5000; i += 2) memcpy(name + i, "./", 2);
  memcpy(name + 5000, "file", 5);
  CHECK_FAILS(try_open(name, O_RDONLY), ENAMETOOLONG);
  memcpy(name + 3000, "file", 5);
  CHECK_WORKS(try_open(name, O_RDONLY));
}

int main(void) {
  make_file("file", "abc");
  RUN(names);
  RUN(paths);
  return report();
}
