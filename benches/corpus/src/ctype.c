/* Characters classified by small functions, as a C library without tables does it. */
#include "corpus.h"

#define BYTES 32768
static char text[BYTES];

NOINLINE static i32 is_digit(i32 c) { return (u32)c - '0' < 10; }
NOINLINE static i32 is_upper(i32 c) { return (u32)c - 'A' < 26; }
NOINLINE static i32 is_lower(i32 c) { return (u32)c - 'a' < 26; }
NOINLINE static i32 is_space(i32 c) { return c == ' ' || (u32)c - '\t' < 5; }
NOINLINE static i32 is_alpha(i32 c) { return ((u32)c | 32) - 'a' < 26; }
NOINLINE static i32 to_upper(i32 c) { return is_lower(c) ? c & 0x5f : c; }

i64 run(i32 n) {
  u32 random = 5;
  for (i32 i = 0; i < BYTES; i++) text[i] = 9 + next_random(&random) % 118;
  u64 sum = 0;
  for (i32 round = 0; round < n; round++) {
    u32 digits = 0, uppers = 0, spaces = 0, words = 0, inside = 0;
    for (i32 i = 0; i < BYTES; i++) {
      i32 c = text[i];
      if (is_alpha(c)) {
        words += !inside;
        inside = 1;
        uppers += is_upper(c);
        text[i] = is_upper(c) ? c | 32 : to_upper(c);
        continue;
      }
      inside = 0;
      digits += is_digit(c);
      spaces += is_space(c);
    }
    sum = mix(sum, digits + 3 * uppers + 5 * spaces + 7 * words);
  }
  return sum;
}
