// Opening with CREAT and EXCL.
#include "wasi.h"

static void new_file_(void) {
  Fd fd = must_open(ROOT, "new", O_CREATE, WRITING);
  CHECK_EQ(size_of(fd), 0);
  must_write(fd, "abc");
  CHECK_OK(__wasi_fd_close(fd));
  CHECK_FILE("new", "abc");
  CHECK_EQ(type_of("new"), __WASI_FILETYPE_REGULAR_FILE);
}

static void existing_file(void) {
  make_file("file", "abc");
  Fd fd = must_open(ROOT, "file", O_CREATE, BOTH);
  CHECK_EQ(size_of(fd), 3);
  CHECK_OK(__wasi_fd_close(fd));
}

static void only_to_read(void) {
  Fd fd = must_open(ROOT, "empty", O_CREATE, READING);
  __wasi_size_t count = 9;
  CHECK_OK(read_into(fd, contents, 4, &count));
  CHECK_EQ(count, 0);
  CHECK_ERRNO(write_text(fd, "x", &count), E(BADF));
  CHECK_OK(__wasi_fd_close(fd));
  CHECK_FILE("empty", "");
}

static void exclusively(void) {
  CHECK_ERRNO(try_open(ROOT, FOLLOW, "file", O_CREATE | O_EXCLUSIVE, WRITING), E(EXIST));
  CHECK_ERRNO(try_open(ROOT, FOLLOW, "file", O_CREATE | O_EXCLUSIVE | O_TRUNCATE, WRITING), E(EXIST));
  CHECK_FILE("file", "abc");
  CHECK_OK(try_open(ROOT, FOLLOW, "exclusive", O_CREATE | O_EXCLUSIVE, WRITING));
  CHECK(exists("exclusive"));
  make_dir("dir");
  make_link("file", "link");
  CHECK_ERRNO(try_open(ROOT, FOLLOW, "dir", O_CREATE | O_EXCLUSIVE, WRITING), E(EXIST));
  CHECK_ERRNO(try_open(ROOT, FOLLOW, "link", O_CREATE | O_EXCLUSIVE, WRITING), E(EXIST));
}

static void through_a_link(void) {
  Fd fd = must_open(ROOT, "link", O_CREATE | O_TRUNCATE, WRITING);
  must_write(fd, "by link");
  CHECK_OK(__wasi_fd_close(fd));
  CHECK_FILE("file", "by link");
}

static void not_a_directory(void) {
  CHECK_ERRNO(try_open(ROOT, FOLLOW, "dir", O_CREATE, WRITING), E(ISDIR));
}

static void missing(void) {
  CHECK_ERRNO(try_open(ROOT, FOLLOW, "missing", 0, READING), E(NOENT));
  CHECK_ERRNO(try_open(ROOT, FOLLOW, "missing", O_TRUNCATE, WRITING), E(NOENT));
  CHECK_ERRNO(try_open(ROOT, FOLLOW, "missing/file", O_CREATE, WRITING), E(NOENT));
  CHECK_ERRNO(try_open(ROOT, FOLLOW, "file/file", O_CREATE, WRITING), E(NOTDIR));
  CHECK(!exists("missing"));
}

int main(void) {
  RUN(new_file_);
  RUN(existing_file);
  RUN(only_to_read);
  RUN(exclusively);
  RUN(through_a_link);
  RUN(not_a_directory);
  RUN(missing);
  return report();
}
