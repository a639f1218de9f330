/* Traps in a function that is inlined into one that main calls. */
#include <stdlib.h>

static inline __attribute__((always_inline)) int ratio(int a, int b) {
  return a / b;
}

__attribute__((noinline)) int average(const int *values, int count) {
  int sum = 0;
  for (int i = 0; i < count; i++)
    sum += values[i];
  return ratio(sum, count);
}

int main(int argc, char **argv) {
  int values[] = {1, 2, 3};
  return average(values, atoi(argc > 1 ? argv[1] : "0"));
}
