// Paths with dots, double slashes and parents; what `..` means after a link.
#include "files.h"

static void names_of_one_file(void) {
  static const char *const paths[] = {"a/file", "./a/file", "a//file", "a/./file", "a/b/../file", "a/b/.././file",
                                      "./a/../a/b/../../a/file", "a/b/c/../../file"};
  for (size_t i = 0; i < COUNT_OF(paths); i++) CHECK_FILE(paths[i], "in a");
}

static void after_a_link(void) {
  CHECK_FILE("link/file", "in c");
  CHECK_FILE("link/../file", "in b");
  CHECK_FILE("link/../../file", "in a");
}

static void through_nothing(void) {
  CHECK_FAILS(try_open("missing/../a/file", O_RDONLY), ENOENT);
  CHECK_FAILS(try_open("a/file/../file", O_RDONLY), ENOTDIR);
  CHECK_FAILS(try_open("a/file/.", O_RDONLY), ENOTDIR);
}

int main(void) {
  make_dir("a");
  make_dir("a/b");
  make_dir("a/b/c");
  make_file("a/file", "in a");
  make_file("a/b/file", "in b");
  make_file("a/b/c/file", "in c");
  make_link("a/b/c", "link");
  RUN(names_of_one_file);
  RUN(after_a_link);
  RUN(through_nothing);
  return report();
}
