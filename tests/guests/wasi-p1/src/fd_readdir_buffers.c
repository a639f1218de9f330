// A buffer that is too small is filled to its end: part of an entry, of its header, or nothing.
#include "readdir.h"

static uint8_t whole[1024];
static __wasi_size_t whole_len;

// Whatever the size, the bytes are the first ones of the whole list.
static void of_every_size(void) {
  static uint8_t buffer[1024];
  for (size_t size = 0; size <= whole_len + 1; size++) {
    memset(buffer, 0xee, sizeof buffer);
    __wasi_size_t used = 9999;
    CHECK_OK(__wasi_fd_readdir(ROOT, buffer, size, 0, &used));
    CHECK_EQ(used, size < whole_len ? size : whole_len);
    if (!CHECK(memcmp(buffer, whole, used) == 0)) return;
    if (!CHECK_EQ(buffer[used], 0xee)) return;
  }
}

// As a program reads that makes its buffer larger when an entry does not fit.
static void growing(void) {
  static uint8_t buffer[1024];
  __wasi_dircookie_t cookie = 0;
  size_t size = 1, seen = 0;
  for (int i = 0; i < 10000; i++) {
    __wasi_size_t used = 0;
    REQUIRE(__wasi_fd_readdir(ROOT, buffer, size, cookie, &used));
    size_t at = 0;
    Entry entry;
    bool some = false;
    while (next_entry(buffer, used, &at, &entry)) {
      some = true;
      seen++;
      cookie = entry.dirent.d_next;
    }
    if (used < size) break;
    if (!some) size++;
  }
  CHECK_EQ(seen, 6);
}

static void just_one_entry(void) {
  static Entry entries[8];
  // The longest entry fits exactly.
  CHECK_EQ(list(ROOT, sizeof(__wasi_dirent_t) + 14, 0, entries, COUNT_OF(entries)), 6);
}

int main(void) {
  make_file("a", "");
  make_file("bbbb", "");
  make_file("a-longer-name-", "");
  make_dir("sub");
  REQUIRE(__wasi_fd_readdir(ROOT, whole, sizeof whole, 0, &whole_len));
  CHECK_EQ(whole_len, 6 * sizeof(__wasi_dirent_t) + 1 + 2 + 1 + 4 + 14 + 3);
  RUN(of_every_size);
  RUN(growing);
  RUN(just_one_entry);
  return report();
}
