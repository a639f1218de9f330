// How programs end; the argument chooses.
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static void first(void) { printf("first registered\n"); }
static void second(void) { printf("second registered\n"); }

int main(int argc, char **argv) {
  atexit(first);
  atexit(second);
  printf("main");
  switch (argc > 1 ? atoi(argv[1]) : 0) {
  case 0: return 5;
  case 1: exit(6);
  case 2: _exit(7);
  case 3: abort();
  case 4: assert(argc == 0); break;
  case 5: exit(-1);
  case 6: exit(256);
  case 7: *(volatile int *)0xfffffff0 = 1; break;
  case 8: __builtin_trap();
  }
  return 0;
}
