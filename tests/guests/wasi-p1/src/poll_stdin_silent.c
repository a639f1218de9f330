// Without input the clock is what ends the waiting. Run with a stdin that is open and has nothing to read.
#include "poll.h"

static void the_clock_first(void) {
  __wasi_subscription_t several[] = {
      on_fd(1, __WASI_EVENTTYPE_FD_READ, 0),
      on_clock(2, __WASI_CLOCKID_MONOTONIC, 30 * MILLISECOND, 0),
  };
  uint64_t start = now(__WASI_CLOCKID_MONOTONIC);
  CHECK_EQ(wait_for(several, COUNT_OF(several)), 1);
  CHECK_EQ(events[0].userdata, 2);
  CHECK_EQ(events[0].type, __WASI_EVENTTYPE_CLOCK);
  CHECK(now(__WASI_CLOCKID_MONOTONIC) - start >= 30 * MILLISECOND);
}

static void an_output_at_once(void) {
  __wasi_subscription_t several[] = {
      on_fd(1, __WASI_EVENTTYPE_FD_READ, 0),
      on_fd(2, __WASI_EVENTTYPE_FD_WRITE, 1),
  };
  CHECK_EQ(wait_for(several, COUNT_OF(several)), 1);
  CHECK_EQ(events[0].userdata, 2);
}

int main(void) {
  RUN(the_clock_first);
  RUN(an_output_at_once);
  return report();
}
