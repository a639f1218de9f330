// What a path may look like: dots and slashes, bytes that are no text, NUL, nothing.
#include "wasi.h"

RAW(path_open, int32_t fd, uint32_t lookup, uint32_t path, uint32_t len, uint32_t oflags, uint64_t rights,
    uint64_t inheriting, uint32_t fdflags, uint32_t result);
RAW(path_create_directory, int32_t fd, uint32_t path, uint32_t len);
RAW(path_unlink_file, int32_t fd, uint32_t path, uint32_t len);
RAW(path_symlink, uint32_t target, uint32_t target_len, int32_t fd, uint32_t path, uint32_t len);

static int32_t open_bytes(const void *path, size_t len, uint32_t oflags) {
  uint32_t fd = 0;
  int32_t error = raw_path_open(ROOT, FOLLOW, address(path), len, oflags, BOTH, 0, 0, address(&fd));
  if (error == 0) REQUIRE(__wasi_fd_close(fd));
  return error;
}

static void the_same_file(void) {
  static const char *const paths[] = {"dir/file",          "./dir/file",   "dir/./file",      "dir//file",
                                      "dir/../dir/file",   ".//dir///file", "dir/sub/../file", "dir/sub/.././file",
                                      "./././dir/././file"};
  for (size_t i = 0; i < COUNT_OF(paths); i++) CHECK_FILE(paths[i], "abc");
}

static void through_what_is_not_there(void) {
  CHECK_ERRNO(try_open(ROOT, FOLLOW, "missing/../dir/file", 0, READING), E(NOENT));
  CHECK_ERRNO(try_open(ROOT, FOLLOW, "dir/file/../file", 0, READING), E(NOTDIR));
}

static void empty(void) {
  CHECK_ERRNO(try_open(ROOT, FOLLOW, "", 0, READING), E(NOENT));
  CHECK_ERRNO(try_open(ROOT, FOLLOW, "", O_CREATE, WRITING), E(NOENT));
}

// The length counts, and no NUL.
static void not_terminated(void) {
  CHECK_OK(open_bytes("dir/filexyz", 8, 0));
  CHECK_ERRNO(open_bytes("dir/filexyz", 9, 0), E(NOENT));
}

static void with_nul(void) {
  CHECK_EITHER(open_bytes("dir/file\0", 9, 0), E(INVAL), E(ILSEQ));
  CHECK_EITHER(open_bytes("new\0file", 8, O_CREATE), E(INVAL), E(ILSEQ));
  CHECK_EITHER(raw_path_create_directory(ROOT, address("new\0dir"), 7), E(INVAL), E(ILSEQ));
  CHECK_EITHER(raw_path_unlink_file(ROOT, address("dir/file\0x"), 10), E(INVAL), E(ILSEQ));
  CHECK_EITHER(raw_path_symlink(address("a\0b"), 3, ROOT, address("new"), 3), E(INVAL), E(ILSEQ));
  CHECK(!exists("new"));
  CHECK_FILE("dir/file", "abc");
}

static void not_utf8(void) {
  CHECK_EITHER(open_bytes("\xff", 1, O_CREATE), E(ILSEQ), E(INVAL));
  CHECK_EITHER(open_bytes("a\xc3", 2, O_CREATE), E(ILSEQ), E(INVAL));
  CHECK_EITHER(open_bytes("\xed\xa0\x80", 3, O_CREATE), E(ILSEQ), E(INVAL));
  CHECK_EITHER(raw_path_create_directory(ROOT, address("\x80"), 1), E(ILSEQ), E(INVAL));
}

static void outside_of_memory(void) {
  CHECK_ERRNO(raw_path_open(ROOT, 0, OUTSIDE, 4, O_CREATE, BOTH, 0, 0, address(contents)), E(FAULT));
  CHECK_ERRNO(raw_path_open(ROOT, 0, address("x"), UINT32_MAX, 0, BOTH, 0, 0, address(contents)), E(FAULT));
  CHECK_ERRNO(raw_path_open(ROOT, 0, address("new"), 3, O_CREATE, BOTH, 0, 0, OUTSIDE), E(FAULT));
  CHECK(!exists("new"));
  CHECK_ERRNO(raw_path_create_directory(ROOT, OUTSIDE, 4), E(FAULT));
}

int main(void) {
  make_dir("dir");
  make_dir("dir/sub");
  make_file("dir/file", "abc");
  RUN(the_same_file);
  RUN(through_what_is_not_there);
  RUN(empty);
  RUN(not_terminated);
  RUN(with_nul);
  RUN(not_utf8);
  RUN(outside_of_memory);
  return report();
}
