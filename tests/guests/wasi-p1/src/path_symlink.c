// Symbolic links are made with any relative content, where there was nothing.
#include "wasi.h"

static void check_content(const char *path, const char *expected, int line) {
  __wasi_size_t used = 0;
  CHECK_OK(__wasi_path_readlink(ROOT, path, (uint8_t *)contents, sizeof contents, &used));
  check_text(contents, used, expected, __FILE__, line, path);
}
#define CHECK_LINK(path, expected) check_content(path, expected, __LINE__)

static void any_content(void) {
  static const char *const targets[] = {"file", "missing", "dir/../file", "./x", "a//b/", "..", "../outside", "é"};
  for (size_t i = 0; i < COUNT_OF(targets); i++) {
    CHECK_OK(__wasi_path_symlink(targets[i], ROOT, "link"));
    CHECK_EQ(type_of("link"), __WASI_FILETYPE_SYMBOLIC_LINK);
    CHECK_LINK("link", targets[i]);
    CHECK_OK(__wasi_path_unlink_file(ROOT, "link"));
  }
}

static void long_content(void) {
  static char target[1001];
  for (size_t i = 0; i < 1000; i++) target[i] = i % 100 == 99 ? '/' : 'x';
  CHECK_OK(__wasi_path_symlink(target, ROOT, "long"));
  CHECK_LINK("long", target);
}

static void relative_to_where_they_are(void) {
  make_dir("dir");
  make_file("dir/file", "in dir");
  make_file("file", "in root");
  CHECK_OK(__wasi_path_symlink("file", ROOT, "dir/link"));
  CHECK_FILE("dir/link", "in dir");
  CHECK_OK(__wasi_path_symlink("../file", ROOT, "dir/up"));
  CHECK_FILE("dir/up", "in root");
}

static void not_absolute(void) {
  CHECK_EITHER(__wasi_path_symlink("/", ROOT, "absolute"), E(NOTCAPABLE), E(PERM));
  CHECK_EITHER(__wasi_path_symlink("/etc/passwd", ROOT, "absolute"), E(NOTCAPABLE), E(PERM));
  CHECK(!exists("absolute"));
}

static void not_over_something(void) {
  make_link("nowhere", "dangling");
  CHECK_ERRNO(__wasi_path_symlink("x", ROOT, "file"), E(EXIST));
  CHECK_ERRNO(__wasi_path_symlink("x", ROOT, "dir"), E(EXIST));
  CHECK_ERRNO(__wasi_path_symlink("x", ROOT, "dangling"), E(EXIST));
  CHECK_LINK("dangling", "nowhere");
}

static void not_below_something_else(void) {
  CHECK_ERRNO(__wasi_path_symlink("x", ROOT, "missing/link"), E(NOENT));
  CHECK_ERRNO(__wasi_path_symlink("x", ROOT, "file/link"), E(NOTDIR));
  CHECK_ERRNO(__wasi_path_symlink("x", ROOT, ""), E(NOENT));
  CHECK_ERRNO(__wasi_path_symlink("", ROOT, "empty"), E(NOENT));
}

static void not_with_a_slash(void) {
  CHECK_EITHER(__wasi_path_symlink("x", ROOT, "new/"), E(NOENT), E(NOTDIR));
  CHECK_ERRNO(__wasi_path_symlink("x", ROOT, "dir/"), E(EXIST));
  CHECK_EITHER(__wasi_path_symlink("x", ROOT, "file/"), E(NOTDIR), E(EXIST));
  CHECK(!exists("new"));
}

int main(void) {
  RUN(any_content);
  RUN(long_content);
  RUN(relative_to_where_they_are);
  RUN(not_absolute);
  RUN(not_over_something);
  RUN(not_below_something_else);
  RUN(not_with_a_slash);
  return report();
}
