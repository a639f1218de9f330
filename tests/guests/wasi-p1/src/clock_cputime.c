// The clocks of CPU time advance with work.
#include "wasi.h"

static volatile uint32_t sink;

static void advances(__wasi_clockid_t clock) {
  __wasi_timestamp_t start = now(clock), last = start;
  // A coarse clock has steps of up to 10 ms or so; this is bounded by the time of day.
  __wasi_timestamp_t deadline = now(__WASI_CLOCKID_MONOTONIC) + UINT64_C(5000000000);
  while (last == start && now(__WASI_CLOCKID_MONOTONIC) < deadline) {
    for (uint32_t i = 0; i < 100000; i++) sink += i;
    __wasi_timestamp_t next = now(clock);
    if (!CHECK(next >= last)) return;
    last = next;
  }
  CHECK(last > start);
}

static void of_the_process(void) { advances(__WASI_CLOCKID_PROCESS_CPUTIME_ID); }
static void of_the_thread(void) { advances(__WASI_CLOCKID_THREAD_CPUTIME_ID); }

static void sleep_takes_none(void) {
  __wasi_timestamp_t start = now(__WASI_CLOCKID_THREAD_CPUTIME_ID);
  __wasi_subscription_t sleep = {.u = {.tag = __WASI_EVENTTYPE_CLOCK, .u.clock = {.id = 1, .timeout = 50000000}}};
  __wasi_event_t event;
  __wasi_size_t count;
  CHECK_OK(__wasi_poll_oneoff(&sleep, &event, 1, &count));
  CHECK(now(__WASI_CLOCKID_THREAD_CPUTIME_ID) - start < 40000000);
}

int main(void) {
  RUN(of_the_process);
  RUN(of_the_thread);
  RUN(sleep_takes_none);
  return report();
}
