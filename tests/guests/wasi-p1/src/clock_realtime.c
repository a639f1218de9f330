// The time of day is today's, and files get it.
#include "wasi.h"

RAW(clock_time_get, uint32_t id, uint64_t precision, uint32_t result);
#define SECOND UINT64_C(1000000000)

static void of_this_century(void) {
  __wasi_timestamp_t time = now(__WASI_CLOCKID_REALTIME);
  CHECK(time > UINT64_C(1577836800) * SECOND);  // 2020
  CHECK(time < UINT64_C(4102444800) * SECOND);  // 2100
}

// A file system's time may be behind by a tick of its own clock.
static void files_have_it(void) {
  __wasi_timestamp_t before = now(__WASI_CLOCKID_REALTIME);
  make_file("file", "x");
  Filestat stat;
  REQUIRE(stat_path("file", FOLLOW, &stat));
  CHECK(stat.mtim + SECOND >= before);
  CHECK(stat.mtim <= now(__WASI_CLOCKID_REALTIME) + SECOND);
}

static void unknown_clocks(void) {
  __wasi_timestamp_t time = 5;
  CHECK_ERRNO(__wasi_clock_time_get(4, 1, &time), E(INVAL));
  CHECK_ERRNO(__wasi_clock_time_get(UINT32_MAX, 1, &time), E(INVAL));
  CHECK_EQ(time, 5);
  CHECK_ERRNO(raw_clock_time_get(0, 1, OUTSIDE), E(FAULT));
}

int main(void) {
  RUN(of_this_century);
  RUN(files_have_it);
  RUN(unknown_clocks);
  return report();
}
