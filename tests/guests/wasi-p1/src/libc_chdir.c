// The working directory, which the C library keeps: chdir, relative paths from there, getcwd.
#include "files.h"

static char start[4096], here[4096];

// The part of the working directory below where the program started.
static const char *below(void) {
  if (!CHECK(getcwd(here, sizeof here) != NULL)) return "";
  size_t len = strcmp(start, "/") == 0 ? 0 : strlen(start);
  CHECK(strncmp(here, start, len) == 0);
  return here + len;
}

static void there_and_back(void) {
  CHECK_WORKS(chdir("a"));
  CHECK_TEXT(below(), strlen(below()), "/a");
  CHECK_FILE("file", "in a");
  CHECK_WORKS(chdir("b"));
  CHECK_TEXT(below(), strlen(below()), "/a/b");
  CHECK_FILE("file", "in b");
  make_file("new", "made in b");
  CHECK_WORKS(chdir(start));
  CHECK_FILE("a/b/new", "made in b");
}

static void errors(void) {
  CHECK_FAILS(chdir("missing"), ENOENT);
  CHECK_FAILS(chdir("a/file"), ENOTDIR);
  CHECK_FAILS(getcwd(here, 0 + (start[1] == 0 ? 1 : 2)) == NULL ? -1 : 0, ERANGE);
  CHECK_FILE("a/file", "in a");
}

int main(void) {
  if (!CHECK(getcwd(start, sizeof start) != NULL)) return 1;
  make_dir("a");
  make_dir("a/b");
  make_file("a/file", "in a");
  make_file("a/b/file", "in b");
  RUN(there_and_back);
  RUN(errors);
  return report();
}
