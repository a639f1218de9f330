/* The sieve of Eratosthenes: strided byte stores. */
#include "corpus.h"

#define LIMIT 200000
static u8 composite[LIMIT];

i64 run(i32 n) {
  u64 sum = 0;
  for (i32 round = 0; round < n; round++) {
    memset(composite, 0, sizeof composite);
    u32 count = 0;
    for (u32 i = 2; i < LIMIT; i++) {
      if (composite[i]) continue;
      count++;
      for (u32 k = 2 * i; k < LIMIT; k += i) composite[k] = 1;
    }
    sum = mix(sum, count);
  }
  return sum;
}
