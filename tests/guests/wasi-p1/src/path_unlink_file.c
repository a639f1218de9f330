// Files and links are removed; directories are not.
#include "wasi.h"

static void files(void) {
  make_file("file", "abc");
  CHECK_OK(__wasi_path_unlink_file(ROOT, "file"));
  CHECK(!exists("file"));
  CHECK_ERRNO(__wasi_path_unlink_file(ROOT, "file"), E(NOENT));
  CHECK_ERRNO(__wasi_path_unlink_file(ROOT, "missing/file"), E(NOENT));
  CHECK_ERRNO(__wasi_path_unlink_file(ROOT, ""), E(NOENT));
}

static void not_directories(void) {
  make_dir("dir");
  CHECK_ERRNO(__wasi_path_unlink_file(ROOT, "dir"), E(ISDIR));
  CHECK_ERRNO(__wasi_path_unlink_file(ROOT, "dir/"), E(ISDIR));
  CHECK_ERRNO(__wasi_path_unlink_file(ROOT, "."), E(ISDIR));
  CHECK(exists("dir"));
}

static void not_files_with_a_slash(void) {
  make_file("file", "abc");
  CHECK_ERRNO(__wasi_path_unlink_file(ROOT, "file/"), E(NOTDIR));
  CHECK_ERRNO(__wasi_path_unlink_file(ROOT, "file/inner"), E(NOTDIR));
  CHECK_FILE("file", "abc");
}

static void links_and_not_their_targets(void) {
  make_link("file", "link");
  make_link("dir", "dir-link");
  make_link("nowhere", "dangling");
  CHECK_OK(__wasi_path_unlink_file(ROOT, "link"));
  CHECK_OK(__wasi_path_unlink_file(ROOT, "dir-link"));
  CHECK_OK(__wasi_path_unlink_file(ROOT, "dangling"));
  CHECK(!exists("link") && !exists("dir-link") && !exists("dangling"));
  CHECK(exists("file") && exists("dir"));
}

// It can be read until it is closed.
static void an_open_file(void) {
  Fd fd = new_file("open", "abc");
  CHECK_OK(__wasi_path_unlink_file(ROOT, "open"));
  CHECK(!exists("open"));
  __wasi_size_t count;
  CHECK_OK(read_into(fd, contents, sizeof contents, &count));
  CHECK_TEXT(contents, count, "abc");
  must_write(fd, "def");
  CHECK_EQ(size_of(fd), 6);
  CHECK_OK(__wasi_fd_close(fd));
}

int main(void) {
  RUN(files);
  RUN(not_directories);
  RUN(not_files_with_a_slash);
  RUN(links_and_not_their_targets);
  RUN(an_open_file);
  return report();
}
