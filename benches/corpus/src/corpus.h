/* What the programs of the corpus share. Each of them is one translation unit with one export,
 *
 *     int64_t run(int32_t n)
 *
 * which does an amount of work that grows with `n` and returns a checksum of what it computed. It imports nothing, and
 * gives the same result for the same `n` every time it is called, on every machine. */
#ifndef CORPUS_H
#define CORPUS_H

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

typedef uint8_t u8;
typedef uint16_t u16;
typedef uint32_t u32;
typedef uint64_t u64;
typedef int32_t i32;
typedef int64_t i64;

#ifdef __wasm__
#define EXPORT __attribute__((export_name("run")))
#else
#define EXPORT
#endif

/* Keeps a function, so that calls are measured where they are meant to be. */
#define NOINLINE __attribute__((noinline))

#ifdef __cplusplus
extern "C"
#endif
EXPORT i64 run(i32 n);

/* The next number of a xorshift generator. */
static inline u32 next_random(u32 *state) {
  u32 x = *state;
  x ^= x << 13;
  x ^= x >> 17;
  x ^= x << 5;
  return *state = x;
}

/* Adds a value to a checksum. */
static inline u64 mix(u64 sum, u64 value) {
  sum = (sum ^ value) * 0x9e3779b97f4a7c15u;
  return sum ^ (sum >> 29);
}

/* The bits of a float, so that results are compared exactly. */
static inline u64 bits(double value) {
  u64 result;
  memcpy(&result, &value, sizeof result);
  return result;
}

#endif
