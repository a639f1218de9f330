// Waiting for a time: from now on, or of a clock; past times are there at once.
#include "poll.h"

static uint64_t waited(__wasi_subscription_t subscription) {
  uint64_t start = now(__WASI_CLOCKID_MONOTONIC);
  CHECK_EQ(wait_for(&subscription, 1), 1);
  CHECK_EQ(events[0].userdata, subscription.userdata);
  CHECK_EQ(events[0].error, 0);
  CHECK_EQ(events[0].type, __WASI_EVENTTYPE_CLOCK);
  return now(__WASI_CLOCKID_MONOTONIC) - start;
}

static void from_now_on(void) {
  CHECK(waited(on_clock(UINT64_MAX, __WASI_CLOCKID_MONOTONIC, 20 * MILLISECOND, 0)) >= 20 * MILLISECOND);
  CHECK(waited(on_clock(0, __WASI_CLOCKID_REALTIME, 20 * MILLISECOND, 0)) >= 19 * MILLISECOND);
}

static void until_a_time(void) {
  uint64_t time = now(__WASI_CLOCKID_MONOTONIC) + 20 * MILLISECOND;
  waited(on_clock(1, __WASI_CLOCKID_MONOTONIC, time, ABSOLUTE));
  CHECK(now(__WASI_CLOCKID_MONOTONIC) >= time);
  time = now(__WASI_CLOCKID_REALTIME) + 20 * MILLISECOND;
  waited(on_clock(1, __WASI_CLOCKID_REALTIME, time, ABSOLUTE));
  CHECK(now(__WASI_CLOCKID_REALTIME) >= time);
}

// An hour would be a failure that is noticed.
static void at_once(void) {
  CHECK(waited(on_clock(1, __WASI_CLOCKID_MONOTONIC, 0, 0)) < 1000 * MILLISECOND);
  CHECK(waited(on_clock(1, __WASI_CLOCKID_MONOTONIC, 1, ABSOLUTE)) < 1000 * MILLISECOND);
  CHECK(waited(on_clock(1, __WASI_CLOCKID_REALTIME, 0, ABSOLUTE)) < 1000 * MILLISECOND);
}

int main(void) {
  RUN(from_now_on);
  RUN(until_a_time);
  RUN(at_once);
  return report();
}
