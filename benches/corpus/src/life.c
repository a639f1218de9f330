/* The game of life on a torus: neighbouring bytes, no branches. */
#include "corpus.h"

#define SIZE 128
static u8 fields[2][SIZE][SIZE];

i64 run(i32 n) {
  u32 random = 59;
  for (i32 y = 0; y < SIZE; y++)
    for (i32 x = 0; x < SIZE; x++) fields[0][y][x] = next_random(&random) % 3 == 0;
  for (i32 round = 0; round < n; round++) {
    u8(*now)[SIZE] = fields[round & 1], (*next)[SIZE] = fields[~round & 1];
    for (i32 y = 0; y < SIZE; y++) {
      const u8 *above = now[(y + SIZE - 1) % SIZE], *row = now[y], *below = now[(y + 1) % SIZE];
      for (i32 x = 0; x < SIZE; x++) {
        i32 l = (x + SIZE - 1) % SIZE, r = (x + 1) % SIZE;
        i32 alive = above[l] + above[x] + above[r] + row[l] + row[r] + below[l] + below[x] + below[r];
        next[y][x] = (alive | row[x]) == 3;
      }
    }
  }
  u64 sum = 0;
  for (i32 y = 0; y < SIZE; y++)
    for (i32 x = 0; x < SIZE; x++) sum = mix(sum, fields[n & 1][y][x]);
  return sum;
}
