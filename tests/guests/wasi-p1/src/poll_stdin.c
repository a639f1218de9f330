// Input that is there makes stdin ready, and so does its end. Run with `hello` as input.
#include "poll.h"

static void input(void) {
  __wasi_subscription_t several[] = {
      on_fd(1, __WASI_EVENTTYPE_FD_READ, 0),
      on_clock(2, __WASI_CLOCKID_MONOTONIC, 10000 * MILLISECOND, 0),
  };
  CHECK_EQ(wait_for(several, COUNT_OF(several)), 1);
  CHECK_EQ(events[0].userdata, 1);
  CHECK_EQ(events[0].error, 0);
  CHECK_EQ(events[0].type, __WASI_EVENTTYPE_FD_READ);
  CHECK(events[0].fd_readwrite.nbytes >= 1 && events[0].fd_readwrite.nbytes <= 5);
}

static void the_end(void) {
  char buffer[16];
  size_t len = 0;
  __wasi_size_t count;
  do {
    REQUIRE(read_into(0, buffer + len, sizeof buffer - len, &count));
    len += count;
  } while (count > 0);
  CHECK_TEXT(buffer, len, "hello");
  __wasi_subscription_t several[] = {
      on_fd(1, __WASI_EVENTTYPE_FD_READ, 0),
      on_clock(2, __WASI_CLOCKID_MONOTONIC, 10000 * MILLISECOND, 0),
  };
  CHECK_EQ(wait_for(several, COUNT_OF(several)), 1);
  CHECK_EQ(events[0].userdata, 1);
  CHECK_EQ(events[0].error, 0);
  REQUIRE(read_into(0, buffer, sizeof buffer, &count));
  CHECK_EQ(count, 0);
}

int main(void) {
  RUN(input);
  RUN(the_end);
  return report();
}
