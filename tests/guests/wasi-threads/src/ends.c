// Ways in which a program with threads ends, by the first letter of its argument.
#include "thread.h"

static int never;

static void end(int way) {
  switch (way) {
  case 'e':
    proc_exit(42);
  case 't':
    __builtin_trap();
  case 's':
    sleep_ms(MINUTE * 1000);
    break;
  case 'r':
    for (;;)
      sched_yield();
  case 'l':
    wait_while(&never, 0);
  }
}

void _start(void) {
  static char *argv[4];
  static char arguments[256];
  if (args_get(argv, arguments) != 0 || !argv[1])
    proc_exit(1);
  char way = argv[1][0];
  if (way == 'l') {
    // As many as there can be, each of which waits. They may share a stack, as none goes on.
    uint32_t count = 0;
    while (spawn(0, end, way) > 0)
      count++;
    print_number("threads=", count);
    return;
  }
  if (spawn(0, end, way) <= 0)
    proc_exit(2);
  if (way == 'e' || way == 't')
    wait_while(&never, 0);
  print("done\n");
}
