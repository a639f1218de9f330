// Waits for stdin by two descriptors; the time is waited once.
#include <poll.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

static double now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return time.tv_sec + time.tv_nsec / 1e9;
}

int main(void) {
  struct pollfd both[2] = {{0, POLLIN, 0}, {dup(0), POLLIN, 0}};
  double before = now();
  printf("%d ready", poll(both, 2, 1000));
  double waited = now() - before;
  printf(" after %s\n", waited < 0.999 ? "less" : waited < 1.999 ? "a second" : "two seconds");
}
