/* Matrix product in single precision with 128-bit vectors, four columns of the result at a time. */
#include "corpus.h"

typedef float f32x4 __attribute__((vector_size(16)));

#define SIZE 192
#define LANES (SIZE / 4)
static float a[SIZE][SIZE];
static f32x4 b[SIZE][LANES], c[SIZE][LANES];

i64 run(i32 n) {
  u32 random = 1;
  for (i32 i = 0; i < SIZE; i++)
    for (i32 k = 0; k < SIZE; k++) {
      a[i][k] = next_random(&random) % 1000 / 64.0f;
      b[i][k / 4][k % 4] = next_random(&random) % 1000 / 64.0f;
    }
  u64 sum = 0;
  for (i32 round = 0; round < n; round++) {
    for (i32 i = 0; i < SIZE; i++)
      for (i32 j = 0; j < LANES; j += 2) {
        f32x4 low = {0}, high = {0};
        for (i32 k = 0; k < SIZE; k++) {
          f32x4 factor = {a[i][k], a[i][k], a[i][k], a[i][k]};
          low += factor * b[k][j];
          high += factor * b[k][j + 1];
        }
        c[i][j] = low;
        c[i][j + 1] = high;
      }
    a[round % SIZE][0] = c[1][round % LANES][2] / 4096;
    sum = mix(sum, bits(c[round % SIZE][7][1]));
  }
  return sum;
}
