/* Powers modulo a 512-bit number, by Montgomery's multiplication of 32-bit digits: carries in 64-bit arithmetic. */
#include "corpus.h"

#define DIGITS 16
typedef u32 Number[DIGITS];

static Number modulus;
static u32 inverse;

NOINLINE static void multiply(u32 *result, const u32 *a, const u32 *b) {
  u32 t[DIGITS + 2] = {0};
  for (i32 i = 0; i < DIGITS; i++) {
    u64 carry = 0;
    for (i32 k = 0; k < DIGITS; k++) {
      carry += (u64)a[k] * b[i] + t[k];
      t[k] = (u32)carry;
      carry >>= 32;
    }
    carry += t[DIGITS];
    t[DIGITS] = (u32)carry;
    t[DIGITS + 1] = carry >> 32;
    u32 factor = t[0] * inverse;
    carry = ((u64)factor * modulus[0] + t[0]) >> 32;
    for (i32 k = 1; k < DIGITS; k++) {
      carry += (u64)factor * modulus[k] + t[k];
      t[k - 1] = (u32)carry;
      carry >>= 32;
    }
    carry += t[DIGITS];
    t[DIGITS - 1] = (u32)carry;
    t[DIGITS] = t[DIGITS + 1] + (u32)(carry >> 32);
  }
  u64 borrow = 0;
  Number less;
  for (i32 k = 0; k < DIGITS; k++) {
    borrow = (u64)t[k] - modulus[k] - borrow;
    less[k] = (u32)borrow;
    borrow = borrow >> 63;
  }
  i32 keep = t[DIGITS] < borrow;
  for (i32 k = 0; k < DIGITS; k++) result[k] = keep ? t[k] : less[k];
}

i64 run(i32 n) {
  u32 random = 71;
  for (i32 k = 0; k < DIGITS; k++) modulus[k] = next_random(&random);
  modulus[0] |= 1;
  modulus[DIGITS - 1] |= 0x80000000;
  /* Newton's iteration for -1 / modulus modulo 2^32. */
  inverse = 1;
  for (i32 i = 0; i < 5; i++) inverse *= 2 - modulus[0] * inverse;
  inverse = -inverse;
  Number base, power;
  for (i32 k = 0; k < DIGITS; k++) base[k] = power[k] = next_random(&random) >> (k == DIGITS - 1);
  for (i32 i = 0; i < n; i++) {
    multiply(power, power, power);
    if (i & 1) multiply(power, power, base);
  }
  u64 sum = 0;
  for (i32 k = 0; k < DIGITS; k++) sum = mix(sum, power[k]);
  return sum;
}
