// Many entries through a small buffer, and the longest names: each is seen exactly once.
#include "readdir.h"

enum { FILES = 900 };
static Entry entries[FILES + 2];

static void each_once(void) {
  static const size_t sizes[] = {300, 512, 4096, 65536};
  for (size_t i = 0; i < COUNT_OF(sizes); i++) {
    static bool seen[FILES];
    memset(seen, 0, sizeof seen);
    size_t count = list(ROOT, sizes[i], 0, entries, COUNT_OF(entries));
    CHECK_EQ(count, FILES + 2);
    for (size_t j = 0; j < count; j++) {
      if (entries[j].name[0] == '.') continue;
      int number = atoi(entries[j].name + 4);
      CHECK(!seen[number]);
      seen[number] = true;
    }
    for (int number = 0; number < FILES; number++) CHECK(seen[number]);
  }
}

static void long_names(void) {
  make_dir("sub");
  Fd dir = open_dir("sub");
  char name[256];
  memset(name, 'n', 255);
  name[255] = 0;
  for (char c = 'a'; c <= 'e'; c++) {
    name[0] = c;
    Fd fd = must_open(dir, name, O_CREATE, WRITING);
    CHECK_OK(__wasi_fd_close(fd));
  }
  size_t count = list(dir, sizeof(__wasi_dirent_t) + 255, 0, entries, COUNT_OF(entries));
  CHECK_EQ(count, 7);
  for (char c = 'a'; c <= 'e'; c++) {
    name[0] = c;
    CHECK(find(entries, count, name) != NULL);
  }
  CHECK_OK(__wasi_fd_close(dir));
}

int main(void) {
  for (int i = 0; i < FILES; i++) make_file(numbered("file", i), "");
  RUN(each_once);
  RUN(long_names);
  return report();
}
