// Directories are renamed: to a new name and over an empty one, but not over others, files, or into themselves.
#include "wasi.h"

static void to_a_new_name(void) {
  make_dir("old");
  make_file("old/file", "abc");
  CHECK_OK(__wasi_path_rename(ROOT, "old", ROOT, "new"));
  CHECK(!exists("old"));
  CHECK_FILE("new/file", "abc");
}

static void over_an_empty_one(void) {
  make_dir("from");
  make_file("from/file", "from");
  make_dir("empty");
  CHECK_OK(__wasi_path_rename(ROOT, "from", ROOT, "empty"));
  CHECK(!exists("from"));
  CHECK_FILE("empty/file", "from");
}

static void not_over_a_full_one(void) {
  make_dir("dir");
  make_dir("full");
  make_file("full/file", "full");
  CHECK_EITHER(__wasi_path_rename(ROOT, "dir", ROOT, "full"), E(NOTEMPTY), E(EXIST));
  CHECK(exists("dir"));
  CHECK_FILE("full/file", "full");
}

static void not_over_a_file(void) {
  make_file("file", "abc");
  CHECK_ERRNO(__wasi_path_rename(ROOT, "dir", ROOT, "file"), E(NOTDIR));
  CHECK_ERRNO(__wasi_path_rename(ROOT, "file", ROOT, "dir"), E(ISDIR));
  CHECK_ERRNO(__wasi_path_rename(ROOT, "file", ROOT, "full"), E(ISDIR));
  CHECK_FILE("file", "abc");
  CHECK_EQ(type_of("dir"), __WASI_FILETYPE_DIRECTORY);
}

static void not_into_itself(void) {
  make_dir("dir/sub");
  CHECK_ERRNO(__wasi_path_rename(ROOT, "dir", ROOT, "dir/sub/new"), E(INVAL));
  CHECK_ERRNO(__wasi_path_rename(ROOT, "dir", ROOT, "dir/new"), E(INVAL));
  // Nor over what it is in.
  CHECK_EITHER(__wasi_path_rename(ROOT, "dir/sub", ROOT, "dir"), E(NOTEMPTY), E(INVAL));
  CHECK(exists("dir/sub"));
  CHECK_OK(__wasi_path_rename(ROOT, "dir", ROOT, "dir"));
}

// Descriptors of it and of what is below go with it.
static void an_open_one(void) {
  make_dir("open");
  Fd dir = open_dir("open");
  CHECK_OK(__wasi_path_rename(ROOT, "open", ROOT, "moved"));
  Fd fd = must_open(dir, "file", O_CREATE, WRITING);
  must_write(fd, "abc");
  CHECK_OK(__wasi_fd_close(fd));
  CHECK_FILE("moved/file", "abc");
  CHECK_OK(__wasi_fd_close(dir));
}

static void the_current_one(void) {
  CHECK_EITHER(__wasi_path_rename(ROOT, ".", ROOT, "other"), E(BUSY), E(INVAL));
  CHECK_ONE_OF(__wasi_path_rename(ROOT, "dir", ROOT, "."), E(BUSY), E(INVAL), E(NOTEMPTY), E(EXIST));
  CHECK(exists("dir") && !exists("other"));
}

int main(void) {
  RUN(to_a_new_name);
  RUN(over_an_empty_one);
  RUN(not_over_a_full_one);
  RUN(not_over_a_file);
  RUN(not_into_itself);
  RUN(an_open_one);
  RUN(the_current_one);
  return report();
}
