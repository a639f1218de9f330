/* CRC-32 by table, a byte at a time: a load that depends on the load before. */
#include "corpus.h"

#define BYTES 32768
static u8 data[BYTES];
static u32 table[256];

i64 run(i32 n) {
  for (u32 i = 0; i < 256; i++) {
    u32 crc = i;
    for (i32 bit = 0; bit < 8; bit++) crc = crc & 1 ? crc >> 1 ^ 0xedb88320 : crc >> 1;
    table[i] = crc;
  }
  u32 random = 61;
  for (i32 i = 0; i < BYTES; i++) data[i] = next_random(&random);
  u32 crc = 0xffffffff;
  for (i32 round = 0; round < n; round++)
    for (i32 i = 0; i < BYTES; i++) crc = crc >> 8 ^ table[(crc ^ data[i]) & 255];
  return ~crc;
}
