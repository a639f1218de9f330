// unlink and remove, and their errors.
#include "files.h"

static void works(void) {
  make_file("file", "abc");
  make_link("file", "link");
  make_dir("dir");
  CHECK_WORKS(unlink("link"));
  CHECK(exists("file"));
  CHECK_WORKS(unlink("file"));
  CHECK_WORKS(remove("dir"));
  make_file("file", "abc");
  CHECK_WORKS(remove("file"));
  CHECK(!exists("file") && !exists("dir"));
}

static void errors(void) {
  make_file("file", "abc");
  make_dir("dir");
  CHECK_FAILS(unlink("missing"), ENOENT);
  CHECK_FAILS(unlink("dir"), EISDIR);
  CHECK_FAILS(unlink("dir/"), EISDIR);
  CHECK_FAILS(unlink("file/"), ENOTDIR);
  CHECK_FAILS(unlink("file/x"), ENOTDIR);
  CHECK_FAILS(unlink("missing/x"), ENOENT);
  CHECK_FAILS(remove("missing"), ENOENT);
}

// As for temporary files: opened, unlinked, used.
static void while_open(void) {
  int fd = MUST(open("temporary", O_RDWR | O_CREAT | O_EXCL, 0600));
  CHECK_WORKS(unlink("temporary"));
  CHECK_EQ(write(fd, "abc", 3), 3);
  CHECK_EQ(lseek(fd, 0, SEEK_SET), 0);
  CHECK_EQ(read(fd, contents, 8), 3);
  struct stat stat;
  CHECK_WORKS(fstat(fd, &stat));
  CHECK_EQ(stat.st_nlink, 0);
  CHECK_EQ(stat.st_size, 3);
  CHECK_WORKS(close(fd));
}

int main(void) {
  RUN(works);
  RUN(errors);
  RUN(while_open);
  return report();
}
