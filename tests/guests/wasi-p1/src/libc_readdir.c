// opendir, readdir, rewinddir, telldir and seekdir.
#include "files.h"

enum { FILES = 50 };
static char names[FILES + 2][16];
static long places[FILES + 2];

static void all(void) {
  DIR *dir = opendir("dir");
  int count = 0;
  for (;;) {
    long place = telldir(dir);
    struct dirent *entry = readdir(dir);
    if (entry == NULL) break;
    if (!CHECK(count < FILES + 2)) return;
    places[count] = place;
    strcpy(names[count++], entry->d_name);
    CHECK(entry->d_type == (entry->d_name[0] == '.' || entry->d_name[0] == 'd' ? DT_DIR : DT_REG));
  }
  CHECK_EQ(count, FILES + 2);
  CHECK_WORKS(closedir(dir));
}

static void rewound(void) {
  DIR *dir = opendir("dir");
  for (int i = 0; i < 10; i++) CHECK(readdir(dir) != NULL);
  rewinddir(dir);
  int count = 0;
  while (readdir(dir) != NULL) count++;
  CHECK_EQ(count, FILES + 2);
  CHECK_WORKS(closedir(dir));
}

static void sought(void) {
  DIR *dir = opendir("dir");
  for (int i = FILES + 1; i >= 0; i--) {
    seekdir(dir, places[i]);
    struct dirent *entry = readdir(dir);
    if (CHECK(entry != NULL)) CHECK_EQ(strcmp(entry->d_name, names[i]), 0);
  }
  CHECK_WORKS(closedir(dir));
}

static void missing(void) {
  CHECK_FAILS(opendir("missing") == NULL ? -1 : 0, ENOENT);
  CHECK_FAILS(opendir("dir/file00") == NULL ? -1 : 0, ENOTDIR);
}

// Gone when it is looked for again.
static void emptied(void) {
  DIR *dir = opendir("dir");
  struct dirent *entry;
  int removed = 0;
  while ((entry = readdir(dir)) != NULL) {
    if (entry->d_name[0] == '.') continue;
    char path[32] = "dir/";
    strcat(path, entry->d_name);
    CHECK_WORKS(remove(path));
    removed++;
  }
  CHECK_EQ(removed, FILES);
  CHECK_WORKS(closedir(dir));
  CHECK_WORKS(rmdir("dir"));
}

int main(void) {
  make_dir("dir");
  for (int i = 0; i < FILES; i++) {
    char path[32];
    snprintf(path, sizeof path, "dir/%s%02d", i % 10 == 9 ? "dir" : "file", i);
    if (i % 10 == 9) make_dir(path);
    else make_file(path, "");
  }
  RUN(all);
  RUN(rewound);
  RUN(sought);
  RUN(missing);
  RUN(emptied);
  return report();
}
