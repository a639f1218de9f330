// Names in any script, and with every character but NUL and the slash, come back as they were.
#include "readdir.h"

static const char *const names[] = {
    "é", "e\xcc\x81", "日本語", "😀", "with space", " leading", "trailing ", "new\nline", "tab\t", "back\\slash",
    "quote\"'", "*?[]", "-dash", "...", ".hidden", "a:b", "\x01\x7f", "C:\\x", "~", "\xef\xbf\xbd",
};

static void come_back(void) {
  for (size_t i = 0; i < COUNT_OF(names); i++) make_file(names[i], names[i]);
  static Entry entries[32];
  size_t count = list(ROOT, 4096, 0, entries, COUNT_OF(entries));
  CHECK_EQ(count, COUNT_OF(names) + 2);
  for (size_t i = 0; i < COUNT_OF(names); i++) {
    CHECK(find(entries, count, names[i]) != NULL);
    CHECK_FILE(names[i], names[i]);
  }
}

static void as_link_contents(void) {
  make_link("日本語", "link");
  CHECK_FILE("link", "日本語");
}

int main(void) {
  RUN(come_back);
  RUN(as_link_contents);
  return report();
}
