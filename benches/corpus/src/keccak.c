/* Keccak-f[1600]: 64-bit logic over 25 words, more than there are registers. */
#include "corpus.h"

static u64 round_constants[24];
static u8 rotations[25], lanes[25];

/* The round constants come from a shift register over GF(2); the rotations are triangular numbers. */
static void make_tables(void) {
  u8 shift = 1;
  for (i32 round = 0; round < 24; round++) {
    round_constants[round] = 0;
    for (i32 j = 0; j < 7; j++) {
      if (shift & 1) round_constants[round] |= 1ull << ((1 << j) - 1);
      shift = (u8)(shift << 1 ^ (shift >> 7) * 0x71);
    }
  }
  i32 x = 1, y = 0;
  for (i32 t = 0; t < 24; t++) {
    i32 turned = (2 * x + 3 * y) % 5;
    lanes[t] = y + 5 * turned;
    rotations[t] = (t + 1) * (t + 2) / 2 % 64;
    x = y;
    y = turned;
  }
}

static u64 rotate(u64 x, u32 by) { return by == 0 ? x : x << by | x >> (64 - by); }

static void permute(u64 *a) {
  for (i32 round = 0; round < 24; round++) {
    u64 c[5];
    for (i32 x = 0; x < 5; x++) c[x] = a[x] ^ a[x + 5] ^ a[x + 10] ^ a[x + 15] ^ a[x + 20];
    for (i32 x = 0; x < 5; x++) {
      u64 d = c[(x + 4) % 5] ^ rotate(c[(x + 1) % 5], 1);
      for (i32 y = 0; y < 25; y += 5) a[y + x] ^= d;
    }
    u64 last = a[1];
    for (i32 t = 0; t < 24; t++) {
      u64 held = a[lanes[t]];
      a[lanes[t]] = rotate(last, rotations[t]);
      last = held;
    }
    for (i32 y = 0; y < 25; y += 5) {
      for (i32 x = 0; x < 5; x++) c[x] = a[y + x];
      for (i32 x = 0; x < 5; x++) a[y + x] = c[x] ^ (~c[(x + 1) % 5] & c[(x + 2) % 5]);
    }
    a[0] ^= round_constants[round];
  }
}

i64 run(i32 n) {
  u64 state[25];
  make_tables();
  for (i32 i = 0; i < 25; i++) state[i] = i;
  for (i32 i = 0; i < n; i++) permute(state);
  u64 sum = 0;
  for (i32 i = 0; i < 25; i++) sum = mix(sum, state[i]);
  return sum;
}
