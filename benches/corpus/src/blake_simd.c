/* A compression function after BLAKE2s, four columns to a 128-bit vector: rotations and lane shuffles. */
#include "corpus.h"

typedef u32 u32x4 __attribute__((vector_size(16)));

#define BYTES 16384
static u32 data[BYTES / 4];

static u32x4 rotate(u32x4 x, i32 by) { return x >> by | x << (32 - by); }

/* Four quarter rounds at once. */
#define QUARTERS(x, y) \
  a += b + (x), d = rotate(d ^ a, 16), c += d, b = rotate(b ^ c, 12), \
  a += b + (y), d = rotate(d ^ a, 8), c += d, b = rotate(b ^ c, 7)

/* Turns the lanes of three rows, so that diagonals become columns, and back. */
#define TURN(first, second, third) \
  b = __builtin_shufflevector(b, b, first, (first + 1) % 4, (first + 2) % 4, (first + 3) % 4), \
  c = __builtin_shufflevector(c, c, second, (second + 1) % 4, (second + 2) % 4, (second + 3) % 4), \
  d = __builtin_shufflevector(d, d, third, (third + 1) % 4, (third + 2) % 4, (third + 3) % 4)

static void compress(u32x4 state[2], const u32 *words, u32 counter) {
  const u32x4 initial[2] = {{0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a},
                            {0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19}};
  u32x4 m[4];
  memcpy(m, words, sizeof m);
  u32x4 a = state[0], b = state[1], c = initial[0], d = initial[1];
  d[0] ^= counter;
  for (i32 round = 0; round < 10; round++) {
    QUARTERS(m[0], m[1]);
    TURN(1, 2, 3);
    QUARTERS(m[2], m[3]);
    TURN(3, 2, 1);
    /* Another order of the words in each round. */
    u32x4 kept = m[0];
    m[0] = __builtin_shufflevector(m[1], m[2], 2, 7, 1, 4);
    m[1] = __builtin_shufflevector(m[3], kept, 6, 0, 5, 3);
    m[2] = __builtin_shufflevector(kept, m[3], 4, 1, 7, 2);
    m[3] = __builtin_shufflevector(m[2], m[1], 3, 5, 0, 6);
  }
  state[0] ^= a ^ c;
  state[1] ^= b ^ d;
}

i64 run(i32 n) {
  u32 random = 3;
  for (i32 i = 0; i < BYTES / 4; i++) data[i] = next_random(&random);
  u32x4 state[2] = {{1, 2, 3, 4}, {5, 6, 7, 8}};
  for (i32 round = 0; round < n; round++)
    for (i32 i = 0; i < BYTES / 4; i += 16) compress(state, data + i, i);
  u64 sum = 0;
  for (i32 i = 0; i < 4; i++) sum = mix(mix(sum, state[0][i]), state[1][i]);
  return sum;
}
