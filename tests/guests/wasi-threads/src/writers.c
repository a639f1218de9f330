// Threads write to stdout, one byte at a time.
#include "thread.h"

enum { WRITERS = 16, BYTES = 500 };

static void write_bytes(int letter) {
  char byte = 'a' + letter;
  struct iovec buffer = {&byte, 1};
  uint32_t size;
  for (int i = 0; i < BYTES; i++)
    if (fd_write(1, &buffer, 1, &size) != 0 || size != 1)
      __builtin_trap();
}

void _start(void) {
  for (int i = 0; i < WRITERS; i++)
    if (spawn(i, write_bytes, i) <= 0)
      proc_exit(1);
  for (int i = 0; i < WRITERS; i++)
    join(i);
}
