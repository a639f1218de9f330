// Steps on files by POSIX calls, for the programs that are also built for the host.
#pragma once

#include "check.h"
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

static inline void make_file(const char *path, const char *text) {
  int fd = MUST(open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644));
  if (!CHECK_EQ(write(fd, text, strlen(text)), strlen(text))) _Exit(1);
  MUST(close(fd));
}

static inline void make_dir(const char *path) { MUST(mkdir(path, 0755)); }
static inline void make_link(const char *target, const char *path) { MUST(symlink(target, path)); }

static inline bool exists(const char *path) {
  struct stat stat;
  return lstat(path, &stat) == 0;
}

static char contents[4096];
static inline size_t read_file(const char *path) {
  int fd = MUST(open(path, O_RDONLY));
  ssize_t count = read(fd, contents, sizeof contents);
  CHECK(count >= 0);
  CHECK_WORKS(close(fd));
  return count < 0 ? 0 : (size_t)count;
}
#define CHECK_FILE(path, expected) \
  do { \
    size_t len_ = read_file(path); \
    check_text(contents, len_, expected, WHERE(path)); \
  } while (0)

static inline off_t size_of(const char *path) {
  struct stat stat = {.st_size = -1};
  CHECK_WORKS(lstat(path, &stat));
  return stat.st_size;
}

// Opens, to see with which error; closes what was opened.
static inline int try_open(const char *path, int flags) {
  int fd = open(path, flags, 0644);
  if (fd < 0) return -1;
  close(fd);
  return 0;
}
