// A file is replaced as editors and package managers do it: written anew, made durable, renamed over the old one.
#include "files.h"

static void replaced(void) {
  make_file("config", "old");
  int reader = MUST(open("config", O_RDONLY));
  for (int i = 0; i < 20; i++) {
    int fd = MUST(open("config.new", O_WRONLY | O_CREAT | O_EXCL, 0644));
    char text[16];
    int len = snprintf(text, sizeof text, "version %d", i);
    CHECK_EQ(write(fd, text, (size_t)len), len);
    CHECK_WORKS(fsync(fd));
    CHECK_WORKS(close(fd));
    CHECK_WORKS(rename("config.new", "config"));
    CHECK_FILE("config", text);
  }
  int dir = MUST(open(".", O_RDONLY | O_DIRECTORY));
  CHECK_WORKS(fsync(dir));
  CHECK_WORKS(close(dir));
  CHECK_EQ(read(reader, contents, 8), 3);
  CHECK_TEXT(contents, 3, "old");
  CHECK_WORKS(close(reader));
  CHECK(!exists("config.new"));
}

int main(void) {
  RUN(replaced);
  return report();
}
