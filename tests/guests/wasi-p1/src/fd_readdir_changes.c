// Entries come and go while a directory is read: those that stay are seen once, and cookie 0 shows what is there now.
#include "readdir.h"

enum { FILES = 200 };
static Entry entries[FILES + 16];

// As `rm -r` does: each entry is removed once it is seen, and the buffer holds only a few.
static void removal_on_the_way(void) {
  Fd dir = open_dir("dir");
  static uint8_t buffer[256];
  __wasi_dircookie_t cookie = 0;
  int removed = 0;
  for (;;) {
    __wasi_size_t used;
    REQUIRE(__wasi_fd_readdir(dir, buffer, sizeof buffer, cookie, &used));
    size_t at = 0;
    Entry entry;
    while (next_entry(buffer, used, &at, &entry)) {
      cookie = entry.dirent.d_next;
      if (entry.name[0] == '.') continue;
      CHECK_OK(__wasi_path_unlink_file(dir, entry.name));
      removed++;
    }
    if (used < sizeof buffer) break;
  }
  CHECK_EQ(removed, FILES);
  CHECK_EQ(list(dir, 4096, 0, entries, COUNT_OF(entries)), 2);
  CHECK_OK(__wasi_fd_close(dir));
  CHECK_OK(__wasi_path_remove_directory(ROOT, "dir"));
}

static void rewinding(void) {
  make_dir("other");
  Fd dir = open_dir("other");
  CHECK_EQ(list(dir, 4096, 0, entries, COUNT_OF(entries)), 2);
  Fd fd = must_open(dir, "new", O_CREATE, WRITING);
  CHECK_OK(__wasi_fd_close(fd));
  size_t count = list(dir, 4096, 0, entries, COUNT_OF(entries));
  CHECK_EQ(count, 3);
  CHECK(find(entries, count, "new") != NULL);
  CHECK_OK(__wasi_path_unlink_file(dir, "new"));
  CHECK_EQ(list(dir, 4096, 0, entries, COUNT_OF(entries)), 2);
  CHECK_OK(__wasi_fd_close(dir));
}

// Reading one that has been removed: nothing, or an error, but no entries.
static void a_removed_directory(void) {
  make_dir("gone");
  Fd dir = open_dir("gone");
  CHECK_OK(__wasi_path_remove_directory(ROOT, "gone"));
  uint8_t buffer[128];
  __wasi_size_t used = 0;
  Errno error = __wasi_fd_readdir(dir, buffer, sizeof buffer, 0, &used);
  CHECK_EITHER(error, E(SUCCESS), E(NOENT));
  if (error == 0) CHECK(used == 0 || used == 2 * sizeof(__wasi_dirent_t) + 3);
  CHECK_OK(__wasi_fd_close(dir));
}

int main(void) {
  make_dir("dir");
  Fd dir = open_dir("dir");
  for (int i = 0; i < FILES; i++) {
    Fd fd = must_open(dir, numbered("file", i), O_CREATE, WRITING);
    REQUIRE(__wasi_fd_close(fd));
  }
  REQUIRE(__wasi_fd_close(dir));
  RUN(removal_on_the_way);
  RUN(rewinding);
  RUN(a_removed_directory);
  return report();
}
