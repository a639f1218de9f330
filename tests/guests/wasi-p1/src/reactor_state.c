// A reactor: constructors run in _initialize, state stays between calls, and files can be used in each.
#include "check.h"
#include <fcntl.h>

#define EXPORT(name) __attribute__((export_name(#name)))

static int constructed;
static int calls;

__attribute__((constructor)) static void construct(void) { constructed++; }

EXPORT(initialized) int initialized(void) { return constructed; }
EXPORT(next) int next(void) { return ++calls; }

// How long a file is after this call has appended to it.
EXPORT(append) int append(void) {
  int fd = open("file", O_WRONLY | O_CREAT | O_APPEND, 0644);
  if (fd < 0 || write(fd, "abc", 3) != 3) return -1;
  int len = (int)lseek(fd, 0, SEEK_END);
  return close(fd) == 0 ? len : -1;
}

EXPORT(variable) int variable(void) {
  const char *value = getenv("VALUE");
  return value == NULL ? -1 : atoi(value);
}
