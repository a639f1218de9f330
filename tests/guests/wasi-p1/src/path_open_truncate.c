// Opening with TRUNC empties a file, if the file is opened to be written.
#include "wasi.h"

static void empties(void) {
  make_file("file", "abc");
  uint64_t inode = inode_of("file");
  Fd fd = must_open(ROOT, "file", O_TRUNCATE, WRITING);
  CHECK_EQ(size_of(fd), 0);
  CHECK_OK(__wasi_fd_close(fd));
  CHECK_FILE("file", "");
  CHECK_EQ(inode_of("file"), inode);
}

static void while_it_is_open(void) {
  Fd reader = new_file("file", "abcdef");
  CHECK_OK(try_open(ROOT, FOLLOW, "file", O_TRUNCATE, BOTH));
  CHECK_EQ(size_of(reader), 0);
  CHECK_OK(__wasi_fd_close(reader));
}

// POSIX does not say what becomes of the file; whatever happens, it happens in full.
static void only_to_read(void) {
  make_file("file", "abc");
  Errno error = try_open(ROOT, FOLLOW, "file", O_TRUNCATE, READING);
  CHECK_ONE_OF(error, E(SUCCESS), E(INVAL), E(NOTCAPABLE), E(PERM), E(ACCES), E(BADF));
  if (error == 0) {
    CHECK_FILE("file", "");
  } else {
    CHECK_FILE("file", "abc");
  }
}

static void not_directories(void) {
  make_dir("dir");
  CHECK_ERRNO(try_open(ROOT, FOLLOW, "dir", O_TRUNCATE, WRITING), E(ISDIR));
  CHECK(exists("dir"));
}

int main(void) {
  RUN(empties);
  RUN(while_it_is_open);
  RUN(only_to_read);
  RUN(not_directories);
  return report();
}
