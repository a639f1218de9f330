// Walks a tree, adds up what it finds, and removes it all, as nftw would.
#include "files.h"

static int files, dirs, links;
static long bytes;

static void walk(const char *path, bool removing) {
  DIR *dir = opendir(path);
  if (!CHECK(dir != NULL)) return;
  struct dirent *entry;
  while ((entry = readdir(dir)) != NULL) {
    if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0) continue;
    char inner[512];
    snprintf(inner, sizeof inner, "%s/%s", path, entry->d_name);
    struct stat stat;
    MUST(lstat(inner, &stat));
    CHECK_EQ(stat.st_ino, entry->d_ino);
    if (S_ISDIR(stat.st_mode)) {
      dirs++;
      walk(inner, removing);
      if (removing) CHECK_WORKS(rmdir(inner));
      continue;
    }
    if (S_ISLNK(stat.st_mode)) links++;
    if (S_ISREG(stat.st_mode)) files++, bytes += (long)stat.st_size;
    if (removing) CHECK_WORKS(unlink(inner));
  }
  CHECK_WORKS(closedir(dir));
}

static void grow(const char *path, int depth) {
  char inner[512];
  for (int i = 0; i < 3; i++) {
    snprintf(inner, sizeof inner, "%s/file%d", path, i);
    make_file(inner, "0123456789");
  }
  snprintf(inner, sizeof inner, "%s/link", path);
  make_link("file0", inner);
  for (int i = 0; depth > 0 && i < 3; i++) {
    snprintf(inner, sizeof inner, "%s/dir%d", path, i);
    make_dir(inner);
    grow(inner, depth - 1);
  }
}

static void counted(void) {
  walk("tree", false);
  CHECK_EQ(dirs, 39);
  CHECK_EQ(files, 120);
  CHECK_EQ(links, 40);
  CHECK_EQ(bytes, 1200);
}

static void removed(void) {
  walk("tree", true);
  CHECK_WORKS(rmdir("tree"));
}

int main(void) {
  make_dir("tree");
  grow("tree", 3);
  RUN(counted);
  RUN(removed);
  return report();
}
