/* Matrix product in double precision, the textbook loop. */
#include "corpus.h"

#define SIZE 120
static double a[SIZE][SIZE], b[SIZE][SIZE], c[SIZE][SIZE];

i64 run(i32 n) {
  u32 random = 1;
  for (i32 i = 0; i < SIZE; i++)
    for (i32 k = 0; k < SIZE; k++) {
      a[i][k] = next_random(&random) % 1000 / 64.0;
      b[i][k] = next_random(&random) % 1000 / 64.0;
    }
  u64 sum = 0;
  for (i32 round = 0; round < n; round++) {
    for (i32 i = 0; i < SIZE; i++)
      for (i32 j = 0; j < SIZE; j++) {
        double dot = 0;
        for (i32 k = 0; k < SIZE; k++) dot += a[i][k] * b[k][j];
        c[i][j] = dot;
      }
    a[round % SIZE][0] = c[1][round % SIZE] / 4096;
    sum = mix(sum, bits(c[round % SIZE][7]));
  }
  return sum;
}
