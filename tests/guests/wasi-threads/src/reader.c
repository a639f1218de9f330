// A thread copies what it reads from stdin to stdout, while others write. At its end it says so; the first one does not
// wait for that if it reads a "q".
#include "thread.h"

static int quit;

static void copy(int unused) {
  (void)unused;
  char bytes[16];
  struct iovec buffer = {bytes, sizeof bytes};
  uint32_t size;
  print("reading\n");
  while (fd_read(0, &buffer, 1, &size) == 0 && size > 0) {
    struct iovec copied = {bytes, size};
    fd_write(1, &copied, 1, &size);
    if (bytes[0] == 'q') {
      __atomic_store_n(&quit, 1, __ATOMIC_SEQ_CST);
      __builtin_wasm_memory_atomic_notify(&quit, 1);
    }
  }
  print("end\n");
}

static void write_dots(int unused) {
  (void)unused;
  for (int i = 0; i < 50; i++)
    print(".");
  print("\n");
}

void _start(void) {
  if (spawn(0, copy, 0) <= 0)
    proc_exit(1);
  sleep_ms(5);
  if (spawn(1, write_dots, 0) <= 0)
    proc_exit(1);
  join(1);
  wait_while(&quit, 0);
}
