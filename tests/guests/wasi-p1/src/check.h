// Checks for the programs of this directory.
//
// A program is a list of tests, functions without arguments. RUN prints `ok` and the name of a test whose checks all
// held. A check that fails prints where, what was expected and what came, and the test goes on; REQUIRE ends the
// program instead, where nothing after it would make sense. The exit code is 0 or 1.
//
// Output does not go through stdio, which keeps programs small and leaves stdio to the programs that are about it.
// Programs named libc_* use only POSIX and are also built for the host, to compare.
#pragma once

#ifdef NATIVE
#define _GNU_SOURCE
#endif
#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *errno_name(int error) {
  switch (error) {
#define NAME(name) \
  case name: \
    return #name;
    NAME(E2BIG) NAME(EACCES) NAME(EAGAIN) NAME(EBADF) NAME(EBUSY) NAME(EDEADLK) NAME(EDQUOT) NAME(EEXIST)
    NAME(EFAULT) NAME(EFBIG) NAME(EILSEQ) NAME(EINTR) NAME(EINVAL) NAME(EIO) NAME(EISDIR) NAME(ELOOP) NAME(EMFILE)
    NAME(EMLINK) NAME(ENAMETOOLONG) NAME(ENFILE) NAME(ENODEV) NAME(ENOENT) NAME(ENOMEM) NAME(ENOSPC) NAME(ENOSYS)
    NAME(ENOTCONN) NAME(ENOTDIR) NAME(ENOTEMPTY) NAME(ENOTSOCK) NAME(ENOTSUP) NAME(ENOTTY) NAME(ENXIO)
    NAME(EOVERFLOW) NAME(EPERM) NAME(EPIPE) NAME(ERANGE) NAME(EROFS) NAME(ESPIPE) NAME(ETXTBSY) NAME(EXDEV)
#ifdef ENOTCAPABLE
    NAME(ENOTCAPABLE)
#endif
#undef NAME
    case 0:
      return "SUCCESS";
    default:
      return NULL;
  }
}

static int failures;
static int tests;

static void say(const char *text) {
  for (size_t rest = strlen(text); rest > 0;) {
    ssize_t count = write(STDOUT_FILENO, text, rest);
    if (count <= 0) _Exit(1);
    text += count;
    rest -= (size_t)count;
  }
}

static void say_number(int64_t number) {
  char digits[24];
  char *start = digits + sizeof digits - 1;
  uint64_t rest = number < 0 ? 0 - (uint64_t)number : (uint64_t)number;
  *start = 0;
  do *--start = (char)('0' + rest % 10);
  while ((rest /= 10) > 0);
  if (number < 0) *--start = '-';
  say(start);
}

static void say_errno(int error) {
  const char *name = errno_name(error);
  if (name != NULL) return say(name);
  say("errno ");
  say_number(error);
}

static void say_text(const char *text, size_t len) {
  say("\"");
  for (size_t i = 0; i < len; i++) {
    char c[2] = {text[i] < ' ' ? '?' : text[i], 0};
    say(c);
  }
  say("\"");
}

static void say_failure(const char *file, int line, const char *what) {
  failures++;
  say(file);
  say(":");
  say_number(line);
  say(": ");
  say(what);
  say(": ");
}

static inline bool check(bool holds, const char *file, int line, const char *what) {
  if (!holds) {
    say_failure(file, line, what);
    say("does not hold\n");
  }
  return holds;
}

static inline bool check_eq(int64_t actual, int64_t expected, const char *file, int line, const char *what) {
  if (actual != expected) {
    say_failure(file, line, what);
    say("expected ");
    say_number(expected);
    say(", got ");
    say_number(actual);
    say("\n");
  }
  return actual == expected;
}

static inline bool check_text(const void *actual, size_t len, const char *expected, const char *file, int line,
                              const char *what) {
  bool same = len == strlen(expected) && memcmp(actual, expected, len) == 0;
  if (!same) {
    say_failure(file, line, what);
    say("expected ");
    say_text(expected, strlen(expected));
    say(", got ");
    say_text(actual, len);
    say("\n");
  }
  return same;
}

// `count` error codes follow, one of which `actual` must be.
static inline bool check_errno(int actual, const char *file, int line, const char *what, int count, ...) {
  va_list expected;
  va_start(expected, count);
  bool found = false;
  for (int i = 0; i < count; i++) found |= va_arg(expected, int) == actual;
  va_end(expected);
  if (!found) {
    say_failure(file, line, what);
    va_start(expected, count);
    for (int i = 0; i < count; i++) {
      say(i == 0 ? "expected " : " or ");
      say_errno(va_arg(expected, int));
    }
    va_end(expected);
    say(", got ");
    say_errno(actual);
    say("\n");
  }
  return found;
}

// A call in the manner of POSIX must have failed with `expected`.
static inline bool check_fails(int64_t result, int error, int expected, const char *file, int line, const char *what) {
  if (result != -1) {
    say_failure(file, line, what);
    say("expected ");
    say_errno(expected);
    say(", got the result ");
    say_number(result);
    say("\n");
    return false;
  }
  return check_errno(error, file, line, what, 1, expected);
}

static inline bool check_works(int64_t result, int error, const char *file, int line, const char *what) {
  if (result != -1) return true;
  say_failure(file, line, what);
  say("expected success, got ");
  say_errno(error);
  say("\n");
  return false;
}

static void run(void (*test)(void), const char *name) {
  int before = failures;
  test();
  tests++;
  if (failures == before) {
    say("ok ");
    say(name);
    say("\n");
  }
}

// The last line of a program that got to its end.
static int report(void) {
  say_number(tests);
  say(failures == 0 ? " passed\n" : " run, some failed\n");
  return failures == 0 ? 0 : 1;
}

#define WHERE(what) __FILE__, __LINE__, what
#define RUN(test) run(test, #test)
#define COUNT_OF(array) (sizeof(array) / sizeof *(array))

#define CHECK(condition) check(condition, WHERE(#condition))
#define CHECK_EQ(actual, expected) check_eq((int64_t)(actual), (int64_t)(expected), WHERE(#actual))
#define CHECK_TEXT(actual, len, expected) check_text(actual, len, expected, WHERE(#actual))

// For functions that return an error code.
#define CHECK_ERRNO(call, expected) check_errno(call, WHERE(#call), 1, (int)(expected))
#define CHECK_OK(call) CHECK_ERRNO(call, 0)
#define CHECK_EITHER(call, one, other) check_errno(call, WHERE(#call), 2, (int)(one), (int)(other))
#define CHECK_ONE_OF(call, ...) \
  check_errno(call, WHERE(#call), (int)(sizeof((int[]){__VA_ARGS__}) / sizeof(int)), __VA_ARGS__)
#define REQUIRE(call) \
  do { \
    if (!CHECK_OK(call)) _Exit(1); \
  } while (0)

// For functions that return -1 and set errno.
#define CHECK_FAILS(call, expected) \
  do { \
    errno = 0; \
    int64_t result_ = (int64_t)(call); \
    check_fails(result_, errno, expected, WHERE(#call)); \
  } while (0)
#define CHECK_WORKS(call) \
  do { \
    errno = 0; \
    int64_t result_ = (int64_t)(call); \
    check_works(result_, errno, WHERE(#call)); \
  } while (0)
// The same for a call whose result is wanted; ends the program if it failed.
#define MUST(call) must((int64_t)(call), WHERE(#call))
static inline int must(int64_t result, const char *file, int line, const char *what) {
  if (!check_works(result, errno, file, line, what)) _Exit(1);
  return (int)result;
}
