// Arguments and environment are not written where there is no memory, and not in part.
#include "wasi.h"

RAW(args_get, uint32_t argv, uint32_t buffer);
RAW(args_sizes_get, uint32_t count, uint32_t size);
RAW(environ_get, uint32_t environ, uint32_t buffer);
RAW(environ_sizes_get, uint32_t count, uint32_t size);

static uint32_t words[16];
static char buffer[256];

static void sizes(void) {
  words[0] = 77;
  CHECK_ERRNO(raw_args_sizes_get(OUTSIDE, address(words)), E(FAULT));
  CHECK_ERRNO(raw_args_sizes_get(address(words), OUTSIDE), E(FAULT));
  CHECK_ERRNO(raw_environ_sizes_get(OUTSIDE, address(words)), E(FAULT));
  CHECK_ERRNO(raw_environ_sizes_get(address(words), OUTSIDE), E(FAULT));
  CHECK_OK(raw_args_sizes_get(address(words), address(words + 1)));
  CHECK_EQ(words[0], 2);
}

static void strings(void) {
  CHECK_ERRNO(raw_args_get(OUTSIDE, address(buffer)), E(FAULT));
  CHECK_ERRNO(raw_args_get(address(words), OUTSIDE), E(FAULT));
  CHECK_ERRNO(raw_environ_get(OUTSIDE, address(buffer)), E(FAULT));
  CHECK_ERRNO(raw_environ_get(address(words), OUTSIDE), E(FAULT));
}

// The first strings would fit in front of the end of memory, all of them do not.
static void the_end_of_memory(void) {
  uint32_t end = (uint32_t)__builtin_wasm_memory_size(0) * 65536;
  CHECK_ERRNO(raw_args_get(address(words), end - 3), E(FAULT));
  CHECK_ERRNO(raw_args_get(end - 4, address(buffer)), E(FAULT));
  CHECK_ERRNO(raw_environ_get(address(words), end - 3), E(FAULT));
  CHECK_ERRNO(raw_environ_get(end - 4, address(buffer)), E(FAULT));
}

int main(void) {
  RUN(sizes);
  RUN(strings);
  RUN(the_end_of_memory);
  return report();
}
