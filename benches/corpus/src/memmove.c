/* Blocks of many sizes copied, moved over themselves and filled by the bulk memory instructions. */
#include "corpus.h"

#define BYTES 262144
static u8 from[BYTES], to[BYTES];

i64 run(i32 n) {
  u32 random = 23;
  for (i32 i = 0; i < BYTES; i++) from[i] = to[i] = i * 7;
  u64 sum = 0;
  for (i32 round = 0; round < n; round++) {
    u32 r = next_random(&random);
    /* Mostly short, sometimes up to 64 KiB. */
    u32 size = (r & 15) == 0 ? r >> 16 : r >> 24;
    u32 a = next_random(&random) % (BYTES - 65536), b = next_random(&random) % (BYTES - 65536);
    memcpy(to + a, from + b, size);
    memmove(to + a, to + (a ^ 8), size);
    memset(from + a, round, size / 4);
    sum = mix(sum, to[b]);
  }
  return sum;
}
