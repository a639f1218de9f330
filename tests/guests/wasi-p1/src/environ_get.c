// Environment: number, size, order and layout. Run with the variables in `expected`.
#include "wasi.h"

static const char *const expected[] = {"FIRST=1", "EMPTY=", "EQUALS=a=b", "NAME=é ü"};

static void sizes(void) {
  __wasi_size_t count = 0, size = 0;
  REQUIRE(__wasi_environ_sizes_get(&count, &size));
  CHECK_EQ(count, COUNT_OF(expected));
  size_t bytes = 0;
  for (size_t i = 0; i < COUNT_OF(expected); i++) bytes += strlen(expected[i]) + 1;
  CHECK_EQ(size, bytes);
}

static void layout(void) {
  uint8_t *variables[COUNT_OF(expected) + 1];
  uint8_t buffer[128];
  memset(variables, 0xaa, sizeof variables);
  memset(buffer, 0xaa, sizeof buffer);
  uint8_t *const untouched = variables[COUNT_OF(expected)];
  REQUIRE(__wasi_environ_get(variables, buffer));
  uint8_t *at = buffer;
  for (size_t i = 0; i < COUNT_OF(expected); i++) {
    CHECK(variables[i] == at);
    CHECK_TEXT(at, strlen((char *)at), expected[i]);
    at += strlen(expected[i]) + 1;
  }
  CHECK(variables[COUNT_OF(expected)] == untouched);
  CHECK_EQ(*at, 0xaa);
}

static void by_the_c_library(void) {
  CHECK_TEXT(getenv("FIRST"), 1, "1");
  CHECK(getenv("EMPTY") != NULL && *getenv("EMPTY") == 0);
  CHECK(getenv("MISSING") == NULL);
  CHECK_EQ(strcmp(getenv("EQUALS"), "a=b"), 0);
}

int main(void) {
  RUN(sizes);
  RUN(layout);
  RUN(by_the_c_library);
  return report();
}
