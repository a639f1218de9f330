/* The edit distance of texts by dynamic programming: minima of neighbours. */
#include "corpus.h"

#define LENGTH 400
static u8 a[LENGTH], b[LENGTH];
static u16 row[LENGTH + 1];

i64 run(i32 n) {
  u32 random = 67;
  for (i32 i = 0; i < LENGTH; i++) {
    a[i] = next_random(&random) % 6;
    b[i] = next_random(&random) % 6;
  }
  u64 sum = 0;
  for (i32 round = 0; round < n; round++) {
    for (i32 k = 0; k <= LENGTH; k++) row[k] = k;
    for (i32 i = 0; i < LENGTH; i++) {
      u16 diagonal = row[0];
      row[0] = i + 1;
      for (i32 k = 0; k < LENGTH; k++) {
        u16 best = diagonal + (a[i] != b[k]);
        if (row[k] + 1 < best) best = row[k] + 1;
        if (row[k + 1] + 1 < best) best = row[k + 1] + 1;
        diagonal = row[k + 1];
        row[k + 1] = best;
      }
    }
    sum = mix(sum, row[LENGTH]);
    a[round % LENGTH] ^= 1;
  }
  return sum;
}
