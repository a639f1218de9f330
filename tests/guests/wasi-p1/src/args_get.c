// Arguments: their number and size, and how they lie in memory. Run with the arguments in `expected`.
#include "wasi.h"

static const char *const expected[] = {"args_get.wasm", "", "two words", "日本", "-x=\"'\\\n"};
static __wasi_size_t count, size;

static void sizes(void) {
  REQUIRE(__wasi_args_sizes_get(&count, &size));
  CHECK_EQ(count, COUNT_OF(expected));
  size_t bytes = 0;
  for (size_t i = 0; i < COUNT_OF(expected); i++) bytes += strlen(expected[i]) + 1;
  CHECK_EQ(size, bytes);
}

static void layout(void) {
  uint8_t *argv[COUNT_OF(expected) + 1];
  uint8_t buffer[128];
  memset(argv, 0xaa, sizeof argv);
  memset(buffer, 0xaa, sizeof buffer);
  uint8_t *const untouched = argv[COUNT_OF(expected)];
  REQUIRE(__wasi_args_get(argv, buffer));
  uint8_t *at = buffer;
  for (size_t i = 0; i < COUNT_OF(expected); i++) {
    // One after the other, in order, each with its NUL.
    CHECK(argv[i] == at);
    CHECK_TEXT(at, strlen((char *)at), expected[i]);
    at += strlen(expected[i]) + 1;
  }
  CHECK(argv[COUNT_OF(expected)] == untouched);
  CHECK_EQ(*at, 0xaa);
}

static void the_same_every_time(void) {
  uint8_t *argv[2][COUNT_OF(expected)];
  uint8_t buffer[2][128] = {0};
  REQUIRE(__wasi_args_get(argv[0], buffer[0]));
  REQUIRE(__wasi_args_get(argv[1], buffer[1]));
  CHECK(memcmp(buffer[0], buffer[1], size) == 0);
}

int main(void) {
  RUN(sizes);
  RUN(layout);
  RUN(the_same_every_time);
  return report();
}
