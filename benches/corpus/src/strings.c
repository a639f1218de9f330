/* Searching text: length, comparison, a character, a substring, all byte by byte. */
#include "corpus.h"

#define BYTES 16384
static char text[BYTES];

NOINLINE static u32 length(const char *s) {
  const char *end = s;
  while (*end) end++;
  return end - s;
}

NOINLINE static i32 compare(const char *a, const char *b) {
  while (*a && *a == *b) a++, b++;
  return (u8)*a - (u8)*b;
}

NOINLINE static const char *find_char(const char *s, char wanted) {
  for (; *s; s++)
    if (*s == wanted) return s;
  return NULL;
}

NOINLINE static const char *find(const char *s, const char *wanted) {
  for (; *s; s++) {
    const char *a = s, *b = wanted;
    while (*b && *a == *b) a++, b++;
    if (!*b) return s;
  }
  return NULL;
}

i64 run(i32 n) {
  static const char *const wanted[] = {"abacab", "dddd", "cabbage", "badcab", "acdbacdb"};
  u32 random = 17;
  for (i32 i = 0; i < BYTES - 1; i++) text[i] = 'a' + next_random(&random) % 4;
  /* Lines. */
  for (i32 i = 50; i < BYTES - 1; i += 50 + i % 7) text[i] = '\n';
  u64 sum = 0;
  for (i32 round = 0; round < n; round++) {
    u32 found = 0, ordered = 0;
    for (i32 i = 0; i < 5; i++) {
      const char *at = text;
      while ((at = find(at, wanted[i])) != NULL) found++, at++;
    }
    for (const char *line = text, *end; (end = find_char(line, '\n')) != NULL; line = end + 1)
      ordered += compare(line, end + 1) < 0;
    sum = mix(sum, found + 100 * ordered + length(text));
    text[round * 31 % (BYTES - 1)] = 'b';
  }
  return sum;
}
