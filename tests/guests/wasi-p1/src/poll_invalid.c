// What cannot be waited for: nothing, unknown kinds, clocks and descriptors.
#include "poll.h"

RAW(poll_oneoff, uint32_t subscriptions, uint32_t events, uint32_t count, uint32_t stored);

static void nothing(void) {
  __wasi_subscription_t subscription = on_clock(1, __WASI_CLOCKID_MONOTONIC, 0, 0);
  __wasi_size_t stored = 99;
  CHECK_ERRNO(__wasi_poll_oneoff(&subscription, events, 0, &stored), E(INVAL));
  CHECK_EQ(stored, 99);
}

// An error of the call, or an event that says so.
static void invalid(__wasi_subscription_t subscription, Errno expected) {
  __wasi_size_t stored = 0;
  Errno error = __wasi_poll_oneoff(&subscription, events, 1, &stored);
  if (error == 0) {
    CHECK_EQ(stored, 1);
    CHECK_EQ(events[0].userdata, subscription.userdata);
    error = events[0].error;
  }
  CHECK_EITHER(error, expected, E(NOTSUP));
}

static void unknown_kinds(void) {
  __wasi_subscription_t subscription = on_clock(1, __WASI_CLOCKID_MONOTONIC, 0, 0);
  subscription.u.tag = 3;
  invalid(subscription, E(INVAL));
}

static void unknown_clocks(void) {
  invalid(on_clock(1, 77, 0, 0), E(INVAL));
  invalid(on_clock(1, __WASI_CLOCKID_MONOTONIC, 0, 1 << 1), E(INVAL));
}

// The error is of this one subscription.
static void closed_descriptors(void) {
  for (int type = __WASI_EVENTTYPE_FD_READ; type <= __WASI_EVENTTYPE_FD_WRITE; type++) {
    __wasi_subscription_t several[] = {
        on_clock(1, __WASI_CLOCKID_MONOTONIC, 3600000 * MILLISECOND, 0),
        on_fd(2, (__wasi_eventtype_t)type, 1000),
    };
    CHECK_EQ(wait_for(several, COUNT_OF(several)), 1);
    CHECK_EQ(events[0].userdata, 2);
    CHECK_ERRNO(events[0].error, E(BADF));
    CHECK_EQ(events[0].type, type);
  }
}

static void outside_of_memory(void) {
  __wasi_subscription_t subscription = on_clock(1, __WASI_CLOCKID_MONOTONIC, 0, 0);
  uint32_t stored;
  CHECK_ERRNO(raw_poll_oneoff(OUTSIDE, address(events), 1, address(&stored)), E(FAULT));
  CHECK_ERRNO(raw_poll_oneoff(address(&subscription), OUTSIDE, 1, address(&stored)), E(FAULT));
  CHECK_ERRNO(raw_poll_oneoff(address(&subscription), address(events), 1, OUTSIDE), E(FAULT));
  CHECK_EITHER(raw_poll_oneoff(address(&subscription), address(events), UINT32_MAX, address(&stored)), E(FAULT),
               E(INVAL));
}

int main(void) {
  RUN(nothing);
  RUN(unknown_kinds);
  RUN(unknown_clocks);
  RUN(closed_descriptors);
  RUN(outside_of_memory);
  return report();
}
