// Every clock has a resolution between a nanosecond and a second; there are four clocks.
#include "wasi.h"

RAW(clock_res_get, uint32_t id, uint32_t result);

static void resolutions(void) {
  for (uint32_t id = __WASI_CLOCKID_REALTIME; id <= __WASI_CLOCKID_THREAD_CPUTIME_ID; id++) {
    __wasi_timestamp_t resolution = 0;
    CHECK_OK(__wasi_clock_res_get(id, &resolution));
    CHECK(resolution >= 1 && resolution <= 1000000000);
  }
}

static void unknown_clocks(void) {
  __wasi_timestamp_t resolution = 5;
  CHECK_ERRNO(__wasi_clock_res_get(4, &resolution), E(INVAL));
  CHECK_ERRNO(__wasi_clock_res_get(UINT32_MAX, &resolution), E(INVAL));
  CHECK_EQ(resolution, 5);
}

static void outside_of_memory(void) { CHECK_ERRNO(raw_clock_res_get(1, OUTSIDE), E(FAULT)); }

int main(void) {
  RUN(resolutions);
  RUN(unknown_clocks);
  RUN(outside_of_memory);
  return report();
}
