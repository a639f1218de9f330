// Threads sum up a share of an array each, and add that to a total.
#include "thread.h"

enum { COUNT = 10000, WORKERS = 32 };
static uint32_t numbers[COUNT];
static uint32_t total;

static void add_share(int share) {
  uint32_t sum = 0;
  for (int i = share; i < COUNT; i += WORKERS)
    sum += numbers[i];
  __atomic_fetch_add(&total, sum, __ATOMIC_SEQ_CST);
}

void _start(void) {
  for (int i = 0; i < COUNT; i++)
    numbers[i] = i;
  for (int i = 0; i < WORKERS; i++)
    if (spawn(i, add_share, i) <= 0)
      proc_exit(1);
  for (int i = 0; i < WORKERS; i++)
    join(i);
  print_number("sum=", total);
}
