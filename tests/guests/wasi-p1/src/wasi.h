// For programs that call WASI's functions themselves: shorter names, and steps that are not what is tested.
//
// Every program but those about several directories finds an empty directory of its own as descriptor ROOT, except for
// what tests/conformance/programs.rs puts there.
#pragma once

#include "check.h"
#include <wasi/api.h>

enum { ROOT = 3 };

#define E(name) __WASI_ERRNO_##name
#define RIGHT(name) __WASI_RIGHTS_##name
#define NOFOLLOW 0
#define FOLLOW __WASI_LOOKUPFLAGS_SYMLINK_FOLLOW
#define O_CREATE __WASI_OFLAGS_CREAT
#define O_DIR __WASI_OFLAGS_DIRECTORY
#define O_EXCLUSIVE __WASI_OFLAGS_EXCL
#define O_TRUNCATE __WASI_OFLAGS_TRUNC

// What files can do at all.
#define FILE_COMMON \
  (RIGHT(FD_SEEK) | RIGHT(FD_TELL) | RIGHT(FD_FDSTAT_SET_FLAGS) | RIGHT(FD_SYNC) | RIGHT(FD_ADVISE) \
   | RIGHT(FD_FILESTAT_GET) | RIGHT(FD_FILESTAT_SET_TIMES) | RIGHT(POLL_FD_READWRITE))
#define READING (FILE_COMMON | RIGHT(FD_READ))
#define WRITING \
  (FILE_COMMON | RIGHT(FD_WRITE) | RIGHT(FD_DATASYNC) | RIGHT(FD_ALLOCATE) | RIGHT(FD_FILESTAT_SET_SIZE))
#define BOTH (READING | WRITING)
#define DIR_RIGHTS \
  (RIGHT(FD_READDIR) | RIGHT(FD_FDSTAT_SET_FLAGS) | RIGHT(FD_SYNC) | RIGHT(FD_FILESTAT_GET) \
   | RIGHT(FD_FILESTAT_SET_TIMES) | RIGHT(PATH_CREATE_DIRECTORY) | RIGHT(PATH_CREATE_FILE) \
   | RIGHT(PATH_LINK_SOURCE) | RIGHT(PATH_LINK_TARGET) | RIGHT(PATH_OPEN) | RIGHT(PATH_READLINK) \
   | RIGHT(PATH_RENAME_SOURCE) | RIGHT(PATH_RENAME_TARGET) | RIGHT(PATH_FILESTAT_GET) \
   | RIGHT(PATH_FILESTAT_SET_SIZE) | RIGHT(PATH_FILESTAT_SET_TIMES) | RIGHT(PATH_SYMLINK) \
   | RIGHT(PATH_REMOVE_DIRECTORY) | RIGHT(PATH_UNLINK_FILE))

typedef __wasi_fd_t Fd;
typedef __wasi_errno_t Errno;
typedef __wasi_filestat_t Filestat;
typedef __wasi_fdstat_t Fdstat;

// path_open of a file or directory below `dir`, following links.
static inline Errno open_path(Fd dir, const char *path, __wasi_oflags_t oflags, __wasi_rights_t rights, Fd *fd) {
  return __wasi_path_open(dir, FOLLOW, path, oflags, rights, BOTH | DIR_RIGHTS, 0, fd);
}

// The error of an open, closing what should not have been opened.
static inline Errno try_open(Fd dir, __wasi_lookupflags_t lookup, const char *path, __wasi_oflags_t oflags,
                             __wasi_rights_t rights) {
  Fd fd;
  Errno error = __wasi_path_open(dir, lookup, path, oflags, rights, BOTH | DIR_RIGHTS, 0, &fd);
  if (error == 0) REQUIRE(__wasi_fd_close(fd));
  return error;
}

static inline Fd must_open(Fd dir, const char *path, __wasi_oflags_t oflags, __wasi_rights_t rights) {
  Fd fd;
  Errno error = open_path(dir, path, oflags, rights, &fd);
  if (error != 0) {
    say("opening ");
    say(path);
    say(": ");
    REQUIRE(error);
  }
  return fd;
}

static inline Fd open_dir(const char *path) { return must_open(ROOT, path, O_DIR, DIR_RIGHTS); }

static inline Errno write_text(Fd fd, const char *text, __wasi_size_t *written) {
  __wasi_ciovec_t iov = {(const uint8_t *)text, strlen(text)};
  return __wasi_fd_write(fd, &iov, 1, written);
}

static inline Errno read_into(Fd fd, void *buffer, size_t len, __wasi_size_t *count) {
  __wasi_iovec_t iov = {buffer, len};
  return __wasi_fd_read(fd, &iov, 1, count);
}

static inline void must_write(Fd fd, const char *text) {
  __wasi_size_t written;
  REQUIRE(write_text(fd, text, &written));
  if (!CHECK_EQ(written, strlen(text))) _Exit(1);
}

static inline void make_file(const char *path, const char *text) {
  Fd fd = must_open(ROOT, path, O_CREATE | O_TRUNCATE, WRITING);
  must_write(fd, text);
  REQUIRE(__wasi_fd_close(fd));
}

static inline void make_dir(const char *path) { REQUIRE(__wasi_path_create_directory(ROOT, path)); }

static inline void make_link(const char *target, const char *path) {
  REQUIRE(__wasi_path_symlink(target, ROOT, path));
}

static inline Fd new_file(const char *path, const char *text) {
  Fd fd = must_open(ROOT, path, O_CREATE | O_TRUNCATE, BOTH);
  must_write(fd, text);
  __wasi_filesize_t position;
  REQUIRE(__wasi_fd_seek(fd, 0, __WASI_WHENCE_SET, &position));
  return fd;
}

static inline uint64_t tell(Fd fd) {
  __wasi_filesize_t position = UINT64_MAX;
  CHECK_OK(__wasi_fd_tell(fd, &position));
  return position;
}

static inline uint64_t size_of(Fd fd) {
  Filestat stat = {.size = UINT64_MAX};
  CHECK_OK(__wasi_fd_filestat_get(fd, &stat));
  return stat.size;
}

static inline Errno stat_path(const char *path, __wasi_lookupflags_t lookup, Filestat *stat) {
  return __wasi_path_filestat_get(ROOT, lookup, path, stat);
}

// Whether there is something of this name, a dangling link included.
static inline bool exists(const char *path) {
  Filestat stat;
  return stat_path(path, NOFOLLOW, &stat) == 0;
}

static inline uint64_t inode_of(const char *path) {
  Filestat stat = {0};
  CHECK_OK(stat_path(path, NOFOLLOW, &stat));
  return stat.ino;
}

static inline int type_of(const char *path) {
  Filestat stat = {.filetype = 255};
  CHECK_OK(stat_path(path, NOFOLLOW, &stat));
  return stat.filetype;
}

static char contents[4096];
static inline size_t read_file(const char *path) {
  Fd fd = must_open(ROOT, path, 0, READING);
  __wasi_size_t count = 0;
  CHECK_OK(read_into(fd, contents, sizeof contents, &count));
  CHECK_OK(__wasi_fd_close(fd));
  return count;
}
#define CHECK_FILE(path, expected) \
  do { \
    size_t len_ = read_file(path); \
    check_text(contents, len_, expected, WHERE(path)); \
  } while (0)

static inline __wasi_timestamp_t now(__wasi_clockid_t clock) {
  __wasi_timestamp_t time = 0;
  REQUIRE(__wasi_clock_time_get(clock, 1, &time));
  return time;
}

// WASI's functions as they are, for pointers and lengths that C would not pass: RAW(fd_close, int32_t) declares
// raw_fd_close(int32_t).
#define RAW(name, ...) \
  __attribute__((import_module("wasi_snapshot_preview1"), import_name(#name))) int32_t raw_##name(__VA_ARGS__)
// Just below the end of the address space, outside of any of these programs' memories.
#define OUTSIDE ((uint32_t)0xfffffff0)
static inline uint32_t address(const void *pointer) { return (uint32_t)(uintptr_t)pointer; }
