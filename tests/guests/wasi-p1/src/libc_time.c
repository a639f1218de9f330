// Clocks, sleeping and dates by the C library.
#include "check.h"
#include <time.h>

static int64_t nanoseconds(clockid_t clock) {
  struct timespec time;
  MUST(clock_gettime(clock, &time));
  CHECK(time.tv_nsec >= 0 && time.tv_nsec < 1000000000);
  return (int64_t)time.tv_sec * 1000000000 + time.tv_nsec;
}

static void clocks(void) {
  struct timespec resolution;
  CHECK_WORKS(clock_getres(CLOCK_REALTIME, &resolution));
  CHECK_WORKS(clock_getres(CLOCK_MONOTONIC, &resolution));
  int64_t first = nanoseconds(CLOCK_MONOTONIC);
  CHECK(nanoseconds(CLOCK_MONOTONIC) >= first);
  CHECK(nanoseconds(CLOCK_REALTIME) / 1000000000 - time(NULL) <= 1);
}

static void sleeping(void) {
  int64_t start = nanoseconds(CLOCK_MONOTONIC);
  CHECK_WORKS(nanosleep(&(struct timespec){0, 20000000}, NULL));
  int64_t slept = nanoseconds(CLOCK_MONOTONIC) - start;
  CHECK(slept >= 20000000);
  CHECK_FAILS(nanosleep(&(struct timespec){0, 1000000000}, NULL), EINVAL);
  start = nanoseconds(CLOCK_MONOTONIC);
  struct timespec until = {(start + 20000000) / 1000000000, (start + 20000000) % 1000000000};
  CHECK_ERRNO(clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL), 0);
  CHECK(nanoseconds(CLOCK_MONOTONIC) >= start + 20000000);
}

static void dates(void) {
  time_t time = 1700000000;
  struct tm *date = gmtime(&time);
  char text[32];
  size_t len = strftime(text, sizeof text, "%Y-%m-%d %H:%M:%S", date);
  CHECK_TEXT(text, len, "2023-11-14 22:13:20");
}

int main(void) {
  RUN(clocks);
  RUN(sleeping);
  RUN(dates);
  return report();
}
