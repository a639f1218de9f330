// Renumbering moves an open file to the number of another, which is closed.
#include "wasi.h"

static void moves(void) {
  Fd from = new_file("from", "from"), to = new_file("to", "to");
  char buffer[8];
  __wasi_size_t count;
  CHECK_OK(read_into(from, buffer, 1, &count));
  CHECK_OK(__wasi_fd_renumber(from, to));
  CHECK_ERRNO(read_into(from, buffer, 8, &count), E(BADF));
  // With its position.
  CHECK_OK(read_into(to, buffer, 8, &count));
  CHECK_TEXT(buffer, count, "rom");
  CHECK_OK(__wasi_fd_close(to));
  CHECK_ERRNO(__wasi_fd_close(from), E(BADF));
}

static void to_itself(void) {
  Fd fd = new_file("file", "abc");
  CHECK_OK(__wasi_fd_renumber(fd, fd));
  CHECK_FILE("file", "abc");
  CHECK_EQ(tell(fd), 0);
  CHECK_OK(__wasi_fd_close(fd));
}

static void not_open(void) {
  Fd fd = new_file("file", "abc");
  CHECK_ERRNO(__wasi_fd_renumber(1000, fd), E(BADF));
  CHECK_EQ(tell(fd), 0);
  // The number of the result is never new: a guest could ask for any.
  CHECK_ERRNO(__wasi_fd_renumber(fd, 1000), E(BADF));
  CHECK_EQ(tell(fd), 0);
  CHECK_OK(__wasi_fd_close(fd));
}

static void a_file_to_a_directory(void) {
  make_dir("dir");
  Fd dir = open_dir("dir"), fd = new_file("file", "abc");
  CHECK_OK(__wasi_fd_renumber(fd, dir));
  Fdstat stat;
  CHECK_OK(__wasi_fd_fdstat_get(dir, &stat));
  CHECK_EQ(stat.fs_filetype, __WASI_FILETYPE_REGULAR_FILE);
  CHECK_ERRNO(__wasi_fd_fdstat_get(fd, &stat), E(BADF));
  CHECK_OK(__wasi_fd_close(dir));
}

// As a program redirects its stderr.
static void to_a_stream(void) {
  Fd fd = new_file("log", "");
  CHECK_OK(__wasi_fd_renumber(fd, 2));
  must_write(2, "logged");
  CHECK_OK(__wasi_fd_close(2));
  CHECK_FILE("log", "logged");
}

int main(void) {
  RUN(moves);
  RUN(to_itself);
  RUN(not_open);
  RUN(a_file_to_a_directory);
  RUN(to_a_stream);
  return report();
}
