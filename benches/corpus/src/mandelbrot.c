/* Iterations until escape over a square of the plane: a short dependent chain of double arithmetic. */
#include "corpus.h"

i64 run(i32 n) {
  u64 sum = 0;
  for (i32 row = 0; row < n; row++) {
    u32 inside = 0;
    for (i32 column = 0; column < n; column++) {
      double cr = 3.0 * column / n - 2, ci = 2.0 * row / n - 1, zr = 0, zi = 0;
      i32 left = 60;
      while (left > 0 && zr * zr + zi * zi <= 4) {
        double r = zr * zr - zi * zi + cr;
        zi = 2 * zr * zi + ci;
        zr = r;
        left--;
      }
      inside += left;
    }
    sum = mix(sum, inside);
  }
  return sum;
}
