/* Fast Fourier transforms there and back: double arithmetic at strides that double. */
#include "corpus.h"

#define SIZE 4096
static double re[SIZE], im[SIZE], cosines[SIZE / 2], sines[SIZE / 2];

static void transform(double direction) {
  for (u32 i = 1, k = 0; i < SIZE; i++) {
    u32 bit = SIZE >> 1;
    for (; k & bit; bit >>= 1) k ^= bit;
    k ^= bit;
    if (i < k) {
      double held = re[i];
      re[i] = re[k], re[k] = held;
      held = im[i];
      im[i] = im[k], im[k] = held;
    }
  }
  for (i32 half = 1; half < SIZE; half *= 2)
    for (i32 start = 0; start < SIZE; start += 2 * half)
      for (i32 i = 0; i < half; i++) {
        i32 low = start + i, high = low + half, turn = i * (SIZE / 2 / half);
        double c = cosines[turn], s = direction * sines[turn];
        double r = re[high] * c - im[high] * s, m = re[high] * s + im[high] * c;
        re[high] = re[low] - r, im[high] = im[low] - m;
        re[low] += r, im[low] += m;
      }
}

i64 run(i32 n) {
  /* The roots of unity: the half angle by square roots, then products. */
  double c = -1, s = 0;
  for (i32 size = 2; size < SIZE; size *= 2) {
    double half = __builtin_sqrt((1 + c) / 2);
    s = c < -0.5 ? 1 : s / (2 * half);
    c = c < -0.5 ? 0 : half;
  }
  cosines[0] = 1, sines[0] = 0;
  for (i32 i = 1; i < SIZE / 2; i++) {
    cosines[i] = cosines[i - 1] * c - sines[i - 1] * s;
    sines[i] = cosines[i - 1] * s + sines[i - 1] * c;
  }
  u32 random = 73;
  for (i32 i = 0; i < SIZE; i++) {
    re[i] = next_random(&random) % 1000;
    im[i] = 0;
  }
  u64 sum = 0;
  for (i32 round = 0; round < n; round++) {
    transform(1);
    sum = mix(sum, bits(re[round % SIZE]));
    transform(-1);
    for (i32 i = 0; i < SIZE; i++) re[i] /= SIZE, im[i] /= SIZE;
  }
  return sum;
}
