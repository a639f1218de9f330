/* Compression by references to earlier text, and decompression: hash chains, unaligned loads, overlapping copies. */
#include "corpus.h"

#define BYTES 32768
static u8 plain[BYTES], packed[BYTES * 2], back[BYTES];
static i32 heads[4096], earlier[BYTES];

static u32 load32(const u8 *p) {
  u32 value;
  memcpy(&value, p, 4);
  return value;
}

/* Tokens: 0, length, literal bytes; or length of a match (4 to 255), distance in two bytes. */
NOINLINE static i32 compress(const u8 *from, i32 length, u8 *to) {
  u8 *start = to;
  i32 literals = 0;
  memset(heads, 0xff, sizeof heads);
  for (i32 i = 0; i < length;) {
    i32 best = 0, best_at = 0;
    if (i + 4 <= length) {
      u32 hash = load32(from + i) * 2654435761u >> 20;
      i32 candidate = heads[hash];
      for (i32 tries = 0; candidate >= 0 && tries < 8; tries++, candidate = earlier[candidate]) {
        i32 same = 0;
        while (same < 255 && i + same < length && from[candidate + same] == from[i + same]) same++;
        if (same > best) best = same, best_at = candidate;
      }
      earlier[i] = heads[hash];
      heads[hash] = i;
    }
    if (best < 4) literals++, i++;
    if (literals > 0 && (best >= 4 || literals == 255 || i == length)) {
      *to++ = 0;
      *to++ = literals;
      for (i32 k = i - literals; k < i; k++) *to++ = from[k];
      literals = 0;
    }
    if (best >= 4) {
      *to++ = best;
      *to++ = (i - best_at) >> 8;
      *to++ = i - best_at;
      i += best;
    }
  }
  return to - start;
}

NOINLINE static i32 decompress(const u8 *from, i32 length, u8 *to) {
  u8 *start = to;
  for (const u8 *end = from + length; from < end;) {
    i32 count = *from++;
    const u8 *source = from + 1;
    if (count == 0) {
      count = *from;
      from += 1 + count;
    } else {
      source = to - (from[0] << 8 | from[1]);
      from += 2;
    }
    for (i32 i = 0; i < count; i++) *to++ = source[i];
  }
  return to - start;
}

i64 run(i32 n) {
  static const char *const words[] = {"the ", "of ", "memory ", "module ", "is ", "a ", "and ", "function ", "to ", "\n"};
  u32 random = 53;
  u64 sum = 0;
  for (i32 i = 0; i < BYTES;)
    for (const char *c = words[next_random(&random) % 10]; *c && i < BYTES; c++) plain[i++] = *c;
  for (i32 round = 0; round < n; round++) {
    i32 size = compress(plain, BYTES, packed);
    sum = mix(sum, size);
    sum = mix(sum, decompress(packed, size, back));
    sum = mix(sum, memcmp(plain, back, BYTES) == 0);
    for (i32 i = 0; i < 20; i++) plain[next_random(&random) % BYTES] = round;
  }
  return sum;
}
