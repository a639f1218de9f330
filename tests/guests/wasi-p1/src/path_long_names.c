// Names of 255 bytes and paths of some thousand are the longest there are.
#include "wasi.h"

static char path[20000];

static const char *of_length(size_t len) {
  memset(path, 'n', len);
  path[len] = 0;
  return path;
}

static void names(void) {
  Filestat stat;
  CHECK_OK(try_open(ROOT, FOLLOW, of_length(255), O_CREATE, WRITING));
  CHECK_OK(__wasi_path_unlink_file(ROOT, of_length(255)));
  CHECK_ERRNO(try_open(ROOT, FOLLOW, of_length(256), O_CREATE, WRITING), E(NAMETOOLONG));
  CHECK_ERRNO(__wasi_path_create_directory(ROOT, of_length(256)), E(NAMETOOLONG));
  CHECK_ERRNO(__wasi_path_unlink_file(ROOT, of_length(256)), E(NAMETOOLONG));
  CHECK_ERRNO(__wasi_path_symlink("x", ROOT, of_length(300)), E(NAMETOOLONG));
  CHECK_ERRNO(stat_path(of_length(256), FOLLOW, &stat), E(NAMETOOLONG));
}

static void paths(void) {
  Filestat stat;
  // "./././..."
  for (size_t i = 0; i < sizeof path - 2; i += 2) memcpy(path + i, "./", 2);
  memcpy(path + 3000, "file", 5);
  CHECK_OK(try_open(ROOT, FOLLOW, path, O_CREATE, WRITING));
  CHECK_OK(stat_path("file", FOLLOW, &stat));
  for (size_t i = 3000; i < sizeof path - 2; i += 2) memcpy(path + i, "./", 2);
  memcpy(path + 15000, "file", 5);
  CHECK_ERRNO(try_open(ROOT, FOLLOW, path, 0, READING), E(NAMETOOLONG));
  CHECK_ERRNO(stat_path(path, FOLLOW, &stat), E(NAMETOOLONG));
}

// Deeper than the longest path, one step at a time.
static void deep_directories(void) {
  enum { DEPTH = 60 };
  const char *name = of_length(100);
  Fd dir = open_dir(".");
  for (int i = 0; i < DEPTH; i++) {
    REQUIRE(__wasi_path_create_directory(dir, name));
    Fd inner = must_open(dir, name, O_DIR, DIR_RIGHTS);
    REQUIRE(__wasi_fd_close(dir));
    dir = inner;
  }
  Fd fd = must_open(dir, "file", O_CREATE, WRITING);
  must_write(fd, "abc");
  CHECK_EQ(size_of(fd), 3);
  CHECK_OK(__wasi_fd_close(fd));
  CHECK_OK(__wasi_fd_close(dir));
}

int main(void) {
  RUN(names);
  RUN(paths);
  RUN(deep_directories);
  return report();
}
