// Names beyond ASCII: created, listed, renamed, linked.
#include "files.h"

static void names(void) {
  make_dir("verzeichnis-ä");
  make_file("verzeichnis-ä/日本語.txt", "text");
  CHECK_WORKS(rename("verzeichnis-ä/日本語.txt", "verzeichnis-ä/한국어 😀"));
  CHECK_FILE("verzeichnis-ä/한국어 😀", "text");
  make_link("verzeichnis-ä/한국어 😀", "ссылка");
  CHECK_FILE("ссылка", "text");
  ssize_t len = readlink("ссылка", contents, sizeof contents);
  CHECK_TEXT(contents, (size_t)len, "verzeichnis-ä/한국어 😀");
  DIR *dir = opendir("verzeichnis-ä");
  struct dirent *entry;
  int found = 0;
  while ((entry = readdir(dir)) != NULL) found += strcmp(entry->d_name, "한국어 😀") == 0;
  CHECK_EQ(found, 1);
  CHECK_WORKS(closedir(dir));
}

// The same letter in two spellings is two names.
static void no_normal_form(void) {
  make_file("\xc3\xa9", "one");
  make_file("e\xcc\x81", "two");
  CHECK_FILE("\xc3\xa9", "one");
}

int main(void) {
  RUN(names);
  RUN(no_normal_form);
  return report();
}
