// Opening directories, with and without DIRECTORY.
#include "wasi.h"

static int opened_type(const char *path, __wasi_oflags_t oflags) {
  Fd fd;
  CHECK_OK(open_path(ROOT, path, oflags, DIR_RIGHTS, &fd));
  Fdstat stat = {.fs_filetype = 255};
  CHECK_OK(__wasi_fd_fdstat_get(fd, &stat));
  CHECK_OK(__wasi_fd_close(fd));
  return stat.fs_filetype;
}

static void directories(void) {
  CHECK_EQ(opened_type("dir", O_DIR), __WASI_FILETYPE_DIRECTORY);
  CHECK_EQ(opened_type("dir", 0), __WASI_FILETYPE_DIRECTORY);
  CHECK_EQ(opened_type("dir/", O_DIR), __WASI_FILETYPE_DIRECTORY);
  CHECK_EQ(opened_type(".", O_DIR), __WASI_FILETYPE_DIRECTORY);
  CHECK_EQ(opened_type("./", 0), __WASI_FILETYPE_DIRECTORY);
  CHECK_EQ(opened_type("link", O_DIR), __WASI_FILETYPE_DIRECTORY);
}

static void not_files(void) {
  CHECK_ERRNO(try_open(ROOT, FOLLOW, "file", O_DIR, DIR_RIGHTS), E(NOTDIR));
  CHECK_ERRNO(try_open(ROOT, FOLLOW, "file-link", O_DIR, DIR_RIGHTS), E(NOTDIR));
  CHECK_ERRNO(try_open(ROOT, FOLLOW, "missing", O_DIR, DIR_RIGHTS), E(NOENT));
}

static void not_to_write(void) {
  CHECK_ERRNO(try_open(ROOT, FOLLOW, "dir", 0, WRITING), E(ISDIR));
  CHECK_ERRNO(try_open(ROOT, FOLLOW, ".", 0, BOTH), E(ISDIR));
}

// One cannot create a directory this way, and must not create a file.
static void not_to_create(void) {
  CHECK_ONE_OF(try_open(ROOT, FOLLOW, "new", O_DIR | O_CREATE, DIR_RIGHTS), E(INVAL), E(ISDIR), E(NOTDIR), E(NOENT));
  CHECK_ONE_OF(try_open(ROOT, FOLLOW, "new", O_DIR | O_CREATE | O_EXCLUSIVE, DIR_RIGHTS), E(INVAL), E(ISDIR),
               E(NOTDIR), E(NOENT));
  CHECK(!exists("new"));
}

static void not_to_truncate(void) {
  CHECK_EITHER(try_open(ROOT, FOLLOW, "dir", O_DIR | O_TRUNCATE, WRITING), E(INVAL), E(ISDIR));
  CHECK_EITHER(try_open(ROOT, FOLLOW, "file", O_DIR | O_TRUNCATE, WRITING), E(INVAL), E(NOTDIR));
  CHECK_FILE("file", "abc");
}

int main(void) {
  make_dir("dir");
  make_file("file", "abc");
  make_link("dir", "link");
  make_link("file", "file-link");
  RUN(directories);
  RUN(not_files);
  RUN(not_to_write);
  RUN(not_to_create);
  RUN(not_to_truncate);
  return report();
}
