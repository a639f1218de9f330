// open: its flags in combination, and its errors.
#include "files.h"

static void creation(void) {
  CHECK_WORKS(try_open("new", O_WRONLY | O_CREAT));
  CHECK_WORKS(try_open("new", O_RDWR | O_CREAT));
  CHECK_FAILS(try_open("new", O_RDWR | O_CREAT | O_EXCL), EEXIST);
  CHECK_WORKS(try_open("new2", O_RDWR | O_CREAT | O_EXCL | O_TRUNC));
  CHECK_WORKS(try_open("read-only", O_RDONLY | O_CREAT));
  CHECK_FAILS(try_open("link", O_RDWR | O_CREAT | O_EXCL), EEXIST);
  CHECK_FAILS(try_open("dangling", O_RDWR | O_CREAT | O_EXCL), EEXIST);
  CHECK_FAILS(try_open("missing", O_RDWR), ENOENT);
  CHECK_FAILS(try_open("missing/x", O_RDWR | O_CREAT), ENOENT);
  CHECK_FAILS(try_open("file/x", O_RDWR | O_CREAT), ENOTDIR);
  CHECK_FAILS(try_open("missing/", O_RDONLY), ENOENT);
  CHECK_WORKS(try_open("dangling", O_WRONLY | O_CREAT));
  CHECK(exists("nowhere"));
}

static void directories(void) {
  CHECK_WORKS(try_open("dir", O_RDONLY));
  CHECK_WORKS(try_open("dir/", O_RDONLY | O_DIRECTORY));
  CHECK_WORKS(try_open("dir-link", O_RDONLY | O_DIRECTORY));
  CHECK_FAILS(try_open("dir", O_WRONLY), EISDIR);
  CHECK_FAILS(try_open("dir", O_RDWR), EISDIR);
  CHECK_FAILS(try_open("dir", O_WRONLY | O_CREAT), EISDIR);
  CHECK_FAILS(try_open("file", O_RDONLY | O_DIRECTORY), ENOTDIR);
  CHECK_FAILS(try_open("missing", O_RDONLY | O_DIRECTORY), ENOENT);
  CHECK_FAILS(try_open("file/", O_RDONLY), ENOTDIR);
}

static void links(void) {
  CHECK_FAILS(try_open("link", O_RDONLY | O_NOFOLLOW), ELOOP);
  CHECK_WORKS(try_open("link", O_RDONLY));
  CHECK_WORKS(try_open("dir-link/inner", O_RDONLY | O_NOFOLLOW));
  CHECK_FAILS(try_open("self", O_RDONLY), ELOOP);
  CHECK_FAILS(try_open("self/x", O_RDONLY), ELOOP);
}

static void truncation(void) {
  make_file("long", "0123456789");
  CHECK_WORKS(try_open("long", O_WRONLY));
  CHECK_EQ(size_of("long"), 10);
  CHECK_WORKS(try_open("long", O_WRONLY | O_TRUNC));
  CHECK_EQ(size_of("long"), 0);
}

int main(void) {
  make_dir("dir");
  make_file("file", "abc");
  make_file("dir/inner", "abc");
  make_link("file", "link");
  make_link("dir", "dir-link");
  make_link("nowhere", "dangling");
  make_link("self", "self");
  RUN(creation);
  RUN(directories);
  RUN(links);
  RUN(truncation);
  return report();
}
