/* ChaCha20 applied to a buffer: sixteen 32-bit words, all of them live. */
#include "corpus.h"

#define BYTES 16384
static u8 data[BYTES];

static u32 rotate(u32 x, u32 by) { return x << by | x >> (32 - by); }

#define QUARTER(a, b, c, d) \
  a += b, d = rotate(d ^ a, 16), c += d, b = rotate(b ^ c, 12), \
  a += b, d = rotate(d ^ a, 8), c += d, b = rotate(b ^ c, 7)

static void block(const u32 in[16], u32 out[16]) {
  u32 x[16];
  for (i32 i = 0; i < 16; i++) x[i] = in[i];
  for (i32 i = 0; i < 10; i++) {
    QUARTER(x[0], x[4], x[8], x[12]);
    QUARTER(x[1], x[5], x[9], x[13]);
    QUARTER(x[2], x[6], x[10], x[14]);
    QUARTER(x[3], x[7], x[11], x[15]);
    QUARTER(x[0], x[5], x[10], x[15]);
    QUARTER(x[1], x[6], x[11], x[12]);
    QUARTER(x[2], x[7], x[8], x[13]);
    QUARTER(x[3], x[4], x[9], x[14]);
  }
  for (i32 i = 0; i < 16; i++) out[i] = x[i] + in[i];
}

i64 run(i32 n) {
  u32 state[16] = {0x61707865, 0x3320646e, 0x79622d32, 0x6b206574};
  u32 key[16];
  for (i32 i = 4; i < 12; i++) state[i] = 0x01010101 * i;
  state[12] = 0;
  memset(data, 0, sizeof data);
  for (i32 round = 0; round < n; round++)
    for (i32 i = 0; i < BYTES; i += 64) {
      block(state, key);
      state[12]++;
      for (i32 k = 0; k < 64; k++) data[i + k] ^= key[k / 4] >> (k % 4 * 8);
    }
  u64 sum = 0;
  for (i32 i = 0; i < BYTES; i++) sum = mix(sum, data[i]);
  return sum;
}
