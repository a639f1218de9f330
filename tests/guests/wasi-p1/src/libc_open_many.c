// Hundreds of open files at once, with stdio and without.
#include "files.h"

enum { COUNT = 400 };

static void descriptors(void) {
  static int fds[COUNT];
  for (int i = 0; i < COUNT; i++) {
    char name[16];
    snprintf(name, sizeof name, "file%d", i);
    fds[i] = MUST(open(name, O_RDWR | O_CREAT, 0644));
    CHECK_EQ(write(fds[i], name, strlen(name)), strlen(name));
  }
  for (int i = 0; i < COUNT; i++) {
    char name[16], text[16];
    int len = snprintf(name, sizeof name, "file%d", i);
    CHECK_EQ(pread(fds[i], text, sizeof text, 0), len);
    CHECK(memcmp(text, name, (size_t)len) == 0);
    CHECK_WORKS(close(fds[i]));
  }
}

static void streams(void) {
  static FILE *files[COUNT];
  for (int i = 0; i < COUNT; i++) {
    files[i] = fopen("shared", i == 0 ? "w+" : "a+");
    if (!CHECK(files[i] != NULL)) return;
    CHECK(fprintf(files[i], "%03d", i) == 3);
    CHECK_EQ(fflush(files[i]), 0);
  }
  CHECK_EQ(size_of("shared"), 3 * COUNT);
  for (int i = 0; i < COUNT; i++) CHECK_EQ(fclose(files[i]), 0);
}

int main(void) {
  RUN(descriptors);
  RUN(streams);
  return report();
}
