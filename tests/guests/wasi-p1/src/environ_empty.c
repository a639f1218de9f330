// Nothing of the host's environment is there unless it is given.
#include "wasi.h"

static void nothing(void) {
  __wasi_size_t count = 7, size = 7;
  CHECK_OK(__wasi_environ_sizes_get(&count, &size));
  CHECK_EQ(count, 0);
  CHECK_EQ(size, 0);
  uint8_t *variable = (uint8_t *)1;
  uint8_t buffer = 5;
  CHECK_OK(__wasi_environ_get(&variable, &buffer));
  CHECK(variable == (uint8_t *)1);
  CHECK_EQ(buffer, 5);
  CHECK(getenv("PATH") == NULL);
  CHECK(getenv("HOME") == NULL);
}

int main(void) {
  RUN(nothing);
  return report();
}
