// The monotonic clock never goes back, and goes on.
#include "wasi.h"

static void never_back(void) {
  __wasi_timestamp_t last = now(__WASI_CLOCKID_MONOTONIC);
  for (int i = 0; i < 20000; i++) {
    __wasi_timestamp_t next = now(__WASI_CLOCKID_MONOTONIC);
    if (!CHECK(next >= last)) return;
    last = next;
  }
}

static void goes_on(void) {
  __wasi_timestamp_t start = now(__WASI_CLOCKID_MONOTONIC);
  int reads = 0;
  while (now(__WASI_CLOCKID_MONOTONIC) == start && reads < 100000000) reads++;
  CHECK(now(__WASI_CLOCKID_MONOTONIC) > start);
}

// Whatever precision is asked for.
static void precision(void) {
  __wasi_timestamp_t first, second, third;
  CHECK_OK(__wasi_clock_time_get(__WASI_CLOCKID_MONOTONIC, 0, &first));
  CHECK_OK(__wasi_clock_time_get(__WASI_CLOCKID_MONOTONIC, UINT64_MAX, &second));
  CHECK_OK(__wasi_clock_time_get(__WASI_CLOCKID_MONOTONIC, 1000000, &third));
  CHECK(first <= second && second <= third);
}

int main(void) {
  RUN(never_back);
  RUN(goes_on);
  RUN(precision);
  return report();
}
