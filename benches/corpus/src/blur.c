/* Filters over a picture of bytes: blur, gradient, histogram. */
#include "corpus.h"

#define WIDTH 256
#define HEIGHT 128
static u8 picture[HEIGHT][WIDTH], blurred[HEIGHT][WIDTH];

i64 run(i32 n) {
  u32 random = 79;
  for (i32 y = 0; y < HEIGHT; y++)
    for (i32 x = 0; x < WIDTH; x++) picture[y][x] = next_random(&random);
  u64 sum = 0;
  for (i32 round = 0; round < n; round++) {
    for (i32 y = 1; y < HEIGHT - 1; y++)
      for (i32 x = 1; x < WIDTH - 1; x++) {
        const u8 *p = &picture[y][x];
        u32 total = 4 * p[0] + 2 * (p[-1] + p[1] + p[-WIDTH] + p[WIDTH]) + p[-WIDTH - 1] + p[-WIDTH + 1] +
                    p[WIDTH - 1] + p[WIDTH + 1];
        blurred[y][x] = total / 16;
      }
    u32 histogram[16] = {0};
    for (i32 y = 1; y < HEIGHT - 1; y++)
      for (i32 x = 1; x < WIDTH - 1; x++) {
        i32 across = blurred[y][x + 1] - blurred[y][x - 1], down = blurred[y + 1][x] - blurred[y - 1][x];
        u32 steepness = (across < 0 ? -across : across) + (down < 0 ? -down : down);
        histogram[steepness / 32]++;
        picture[y][x] = steepness > 255 ? 255 : (u8)(steepness + picture[y][x]);
      }
    for (i32 i = 0; i < 16; i++) sum = mix(sum, histogram[i]);
  }
  return sum;
}
