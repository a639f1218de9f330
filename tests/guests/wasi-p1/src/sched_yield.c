// Yielding succeeds and returns.
#include "wasi.h"
#include <sched.h>

static void returns(void) {
  for (int i = 0; i < 100; i++) CHECK_OK(__wasi_sched_yield());
  CHECK_WORKS(sched_yield());
}

int main(void) {
  RUN(returns);
  return report();
}
