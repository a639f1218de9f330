// Entries in order, by scandir, and those a filter takes.
#include "files.h"

static int only_txt(const struct dirent *entry) { return strstr(entry->d_name, ".txt") != NULL; }

static void sorted(void) {
  struct dirent **entries;
  static const char *const expected[] = {".", "..", "a.txt", "b.c", "c.txt", "dir"};
  int count = scandir(".", &entries, NULL, alphasort);
  CHECK_EQ(count, COUNT_OF(expected));
  for (int i = 0; i < count; i++) {
    CHECK_TEXT(entries[i]->d_name, strlen(entries[i]->d_name), expected[i]);
    free(entries[i]);
  }
  free(entries);
}

static void filtered(void) {
  struct dirent **entries;
  int count = scandir(".", &entries, only_txt, alphasort);
  CHECK_EQ(count, 2);
  for (int i = 0; i < count; i++) free(entries[i]);
  free(entries);
  CHECK_FAILS(scandir("missing", &entries, NULL, alphasort), ENOENT);
}

int main(void) {
  make_file("c.txt", "");
  make_file("a.txt", "");
  make_file("b.c", "");
  make_dir("dir");
  RUN(sorted);
  RUN(filtered);
  return report();
}
