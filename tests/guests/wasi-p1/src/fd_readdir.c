// A directory's entries: names, types and inode numbers, `.` and `..` among them.
#include "readdir.h"

static Entry entries[16];

static void all_of_them(void) {
  make_file("dir/file", "abc");
  make_dir("dir/sub");
  make_link("nowhere", "dir/link");
  make_file("dir/\xc3\xa9\xe6\x97\xa5", "");
  Fd dir = open_dir("dir");
  size_t count = list(dir, 4096, 0, entries, COUNT_OF(entries));
  CHECK_EQ(count, 6);
  const struct {
    const char *name;
    const char *path;
    int type;
  } expected[] = {
      {".", "dir", __WASI_FILETYPE_DIRECTORY},
      {"file", "dir/file", __WASI_FILETYPE_REGULAR_FILE},
      {"sub", "dir/sub", __WASI_FILETYPE_DIRECTORY},
      {"link", "dir/link", __WASI_FILETYPE_SYMBOLIC_LINK},
      {"\xc3\xa9\xe6\x97\xa5", "dir/\xc3\xa9\xe6\x97\xa5", __WASI_FILETYPE_REGULAR_FILE},
  };
  for (size_t i = 0; i < COUNT_OF(expected); i++) {
    const Entry *entry = find(entries, count, expected[i].name);
    if (!CHECK(entry != NULL)) continue;
    CHECK_EQ(entry->dirent.d_type, expected[i].type);
    CHECK_EQ(entry->dirent.d_ino, inode_of(expected[i].path));
  }
  const Entry *parent = find(entries, count, "..");
  if (CHECK(parent != NULL)) CHECK_EQ(parent->dirent.d_type, __WASI_FILETYPE_DIRECTORY);
  CHECK_OK(__wasi_fd_close(dir));
}

static void an_empty_one(void) {
  make_dir("empty");
  Fd dir = open_dir("empty");
  size_t count = list(dir, 4096, 0, entries, COUNT_OF(entries));
  CHECK_EQ(count, 2);
  CHECK(find(entries, count, ".") != NULL);
  CHECK(find(entries, count, "..") != NULL);
  CHECK_OK(__wasi_fd_close(dir));
}

static void the_preopened_one(void) {
  size_t count = list(ROOT, 4096, 0, entries, COUNT_OF(entries));
  CHECK_EQ(count, 4);
  CHECK(find(entries, count, "dir") != NULL);
  CHECK(find(entries, count, "empty") != NULL);
}

static void not_a_directory(void) {
  make_file("file", "");
  Fd fd = must_open(ROOT, "file", 0, READING);
  uint8_t buffer[64];
  __wasi_size_t used;
  CHECK_ONE_OF(__wasi_fd_readdir(fd, buffer, sizeof buffer, 0, &used), E(NOTDIR), E(BADF));
  CHECK_ONE_OF(__wasi_fd_readdir(0, buffer, sizeof buffer, 0, &used), E(NOTDIR), E(BADF));
  CHECK_OK(__wasi_fd_close(fd));
}

int main(void) {
  make_dir("dir");
  RUN(all_of_them);
  RUN(an_empty_one);
  RUN(the_preopened_one);
  RUN(not_a_directory);
  return report();
}
