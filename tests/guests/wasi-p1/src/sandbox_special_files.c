// A special file in a directory, a socket named `special`, does not stop a program that lists it and stats it.
#include "readdir.h"

static void can_be_seen(void) {
  static Entry entries[8];
  size_t count = list(ROOT, 4096, 0, entries, COUNT_OF(entries));
  CHECK_EQ(count, 3);
  CHECK(find(entries, count, "special") != NULL);
  Filestat stat;
  CHECK_OK(stat_path("special", FOLLOW, &stat));
  CHECK(stat.filetype != __WASI_FILETYPE_REGULAR_FILE && stat.filetype != __WASI_FILETYPE_DIRECTORY);
}

static void cannot_be_opened(void) { CHECK(try_open(ROOT, FOLLOW, "special", 0, READING) != 0); }

static void can_be_renamed_and_removed(void) {
  CHECK_OK(__wasi_path_rename(ROOT, "special", ROOT, "renamed"));
  CHECK_OK(__wasi_path_unlink_file(ROOT, "renamed"));
}

int main(void) {
  RUN(can_be_seen);
  RUN(cannot_be_opened);
  RUN(can_be_renamed_and_removed);
  return report();
}
