/* Base64 there and back: table lookups, bytes in groups of three and four. */
#include "corpus.h"

#define BYTES 12288
static u8 plain[BYTES], back[BYTES], text[BYTES / 3 * 4];
static u8 values[256];
static const u8 digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

NOINLINE static void encode(const u8 *from, u8 *to, i32 length) {
  for (i32 i = 0; i < length; i += 3, from += 3, to += 4) {
    u32 group = (u32)from[0] << 16 | (u32)from[1] << 8 | from[2];
    to[0] = digits[group >> 18];
    to[1] = digits[group >> 12 & 63];
    to[2] = digits[group >> 6 & 63];
    to[3] = digits[group & 63];
  }
}

NOINLINE static i32 decode(const u8 *from, u8 *to, i32 length) {
  for (i32 i = 0; i < length; i += 4, from += 4, to += 3) {
    u32 a = values[from[0]], b = values[from[1]], c = values[from[2]], d = values[from[3]];
    if ((a | b | c | d) & 0x80) return i;
    u32 group = a << 18 | b << 12 | c << 6 | d;
    to[0] = group >> 16;
    to[1] = group >> 8;
    to[2] = group;
  }
  return length;
}

i64 run(i32 n) {
  memset(values, 0x80, sizeof values);
  for (i32 i = 0; i < 64; i++) values[digits[i]] = i;
  u32 random = 11;
  for (i32 i = 0; i < BYTES; i++) plain[i] = next_random(&random);
  u64 sum = 0;
  for (i32 round = 0; round < n; round++) {
    encode(plain, text, BYTES);
    i32 length = decode(text, back, sizeof text);
    sum = mix(sum, length + back[round % BYTES] + text[round % BYTES]);
    plain[round % BYTES] ^= round;
  }
  return sum;
}
