// Random bytes fill exactly the buffer, and differ from call to call.
#include "wasi.h"

RAW(random_get, uint32_t buffer, uint32_t len);

static uint8_t big[1 << 20];

static void differs(void) {
  uint8_t first[32], second[32];
  CHECK_OK(__wasi_random_get(first, sizeof first));
  CHECK_OK(__wasi_random_get(second, sizeof second));
  CHECK(memcmp(first, second, sizeof first) != 0);
}

static void fills_exactly(void) {
  uint8_t buffer[34];
  bool changed[34] = {false};
  // A byte may happen to get the value it has; 16 times it does not.
  for (int round = 0; round < 16; round++) {
    memset(buffer, 0x5a, sizeof buffer);
    CHECK_OK(__wasi_random_get(buffer + 1, 32));
    for (size_t i = 0; i < sizeof buffer; i++) changed[i] |= buffer[i] != 0x5a;
  }
  CHECK(!changed[0] && !changed[33]);
  for (size_t i = 1; i < 33; i++) CHECK(changed[i]);
}

static void many(void) {
  CHECK_OK(__wasi_random_get(big, sizeof big));
  // Each value about 4096 times.
  uint32_t seen[256] = {0};
  for (size_t i = 0; i < sizeof big; i++) seen[big[i]]++;
  for (size_t i = 0; i < 256; i++) CHECK(seen[i] > 3000 && seen[i] < 5200);
}

static void none(void) {
  uint8_t byte = 9;
  CHECK_OK(__wasi_random_get(&byte, 0));
  CHECK_EQ(byte, 9);
}

static void outside_of_memory(void) {
  CHECK_ERRNO(raw_random_get(OUTSIDE, 4), E(FAULT));
  CHECK_ERRNO(raw_random_get(address(big), UINT32_MAX), E(FAULT));
}

int main(void) {
  RUN(differs);
  RUN(fills_exactly);
  RUN(many);
  RUN(none);
  RUN(outside_of_memory);
  return report();
}
