/* Runs a program of the corpus as native code, as a harness says on standard input: `run N` for each round. It answers
 * with nanoseconds and result. */
#include <inttypes.h>
#include <stdio.h>
#include <time.h>

int64_t run(int32_t n);

static int64_t now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return time.tv_sec * INT64_C(1000000000) + time.tv_nsec;
}

int main(void) {
  int32_t n;
  while (scanf(" run %" SCNd32, &n) == 1) {
    int64_t start = now(), result = run(n), end = now();
    printf("%" PRId64 " %" PRId64 "\n", end - start, result);
    fflush(stdout);
  }
  return 0;
}
