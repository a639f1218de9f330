/* SHA-256 over a buffer: 32-bit rotations and additions. */
#include "corpus.h"

#define BYTES 16384
static u8 data[BYTES];
static u32 constants[64];

/* The first 32 bits of the fractional part of the cube root of each of the first primes, found by bisection. */
static void make_constants(void) {
  i32 count = 0;
  for (u32 candidate = 2; count < 64; candidate++) {
    i32 prime = 1;
    for (u32 divisor = 2; divisor * divisor <= candidate; divisor++)
      if (candidate % divisor == 0) prime = 0;
    if (!prime) continue;
    double low = 1, high = 8;
    for (i32 i = 0; i < 60; i++) {
      double middle = (low + high) / 2;
      if (middle * middle * middle <= candidate) low = middle;
      else high = middle;
    }
    constants[count++] = (u32)((low - (u32)low) * 4294967296.0);
  }
}

static u32 rotate(u32 x, u32 by) { return x >> by | x << (32 - by); }

static void block(u32 state[8], const u8 *bytes) {
  u32 w[64];
  for (i32 i = 0; i < 16; i++, bytes += 4)
    w[i] = (u32)bytes[0] << 24 | (u32)bytes[1] << 16 | (u32)bytes[2] << 8 | bytes[3];
  for (i32 i = 16; i < 64; i++) {
    u32 s0 = rotate(w[i - 15], 7) ^ rotate(w[i - 15], 18) ^ w[i - 15] >> 3;
    u32 s1 = rotate(w[i - 2], 17) ^ rotate(w[i - 2], 19) ^ w[i - 2] >> 10;
    w[i] = w[i - 16] + s0 + w[i - 7] + s1;
  }
  u32 a = state[0], b = state[1], c = state[2], d = state[3];
  u32 e = state[4], f = state[5], g = state[6], h = state[7];
  for (i32 i = 0; i < 64; i++) {
    u32 s1 = rotate(e, 6) ^ rotate(e, 11) ^ rotate(e, 25);
    u32 t1 = h + s1 + ((e & f) ^ (~e & g)) + constants[i] + w[i];
    u32 s0 = rotate(a, 2) ^ rotate(a, 13) ^ rotate(a, 22);
    u32 t2 = s0 + ((a & b) ^ (a & c) ^ (b & c));
    h = g, g = f, f = e, e = d + t1;
    d = c, c = b, b = a, a = t1 + t2;
  }
  state[0] += a, state[1] += b, state[2] += c, state[3] += d;
  state[4] += e, state[5] += f, state[6] += g, state[7] += h;
}

i64 run(i32 n) {
  make_constants();
  u32 random = 7;
  for (i32 i = 0; i < BYTES; i++) data[i] = next_random(&random);
  u32 state[8] = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                  0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};
  for (i32 round = 0; round < n; round++)
    for (i32 i = 0; i < BYTES; i += 64) block(state, data + i);
  u64 sum = 0;
  for (i32 i = 0; i < 8; i++) sum = mix(sum, state[i]);
  return sum;
}
