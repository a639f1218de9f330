// Reading goes on from the cookie of any entry seen before, in any order, and 0 is the start.
#include "readdir.h"

enum { FILES = 20 };
static Entry all[FILES + 4], rest[FILES + 4];
static size_t count;

static void from_each(void) {
  for (size_t i = 0; i < count; i++) {
    size_t found = list(ROOT, 4096, all[i].dirent.d_next, rest, COUNT_OF(rest));
    if (!CHECK_EQ(found, count - i - 1)) continue;
    for (size_t j = 0; j < found; j++) CHECK(strcmp(rest[j].name, all[i + 1 + j].name) == 0);
  }
}

static void backwards(void) {
  for (size_t i = count - 1; i > 0; i--) {
    size_t found = list(ROOT, 4096, all[i - 1].dirent.d_next, rest, 1);
    if (CHECK_EQ(found, 1)) CHECK(strcmp(rest[0].name, all[i].name) == 0);
  }
}

static void from_the_start(void) {
  size_t found = list(ROOT, 4096, 0, rest, COUNT_OF(rest));
  CHECK_EQ(found, count);
  for (size_t i = 0; i < found && i < count; i++) CHECK(strcmp(rest[i].name, all[i].name) == 0);
}

// After the last entry there is nothing, and that is no error.
static void after_the_last(void) {
  uint8_t buffer[64];
  __wasi_size_t used = 99;
  CHECK_OK(__wasi_fd_readdir(ROOT, buffer, sizeof buffer, all[count - 1].dirent.d_next, &used));
  CHECK_EQ(used, 0);
}

// Another descriptor of the same directory gives the same order, and its own place.
static void from_another_descriptor(void) {
  Fd dir = open_dir(".");
  size_t found = list(dir, 4096, 0, rest, 3);
  CHECK_EQ(found, 3);
  found = list(ROOT, 4096, all[9].dirent.d_next, rest, 1);
  CHECK(strcmp(rest[0].name, all[10].name) == 0);
  CHECK_OK(__wasi_fd_close(dir));
}

int main(void) {
  for (int i = 0; i < FILES; i++) make_file(numbered("file", i), "");
  count = list(ROOT, 4096, 0, all, COUNT_OF(all));
  if (!CHECK_EQ(count, FILES + 2)) return 1;
  RUN(from_each);
  RUN(backwards);
  RUN(from_the_start);
  RUN(after_the_last);
  RUN(from_another_descriptor);
  return report();
}
