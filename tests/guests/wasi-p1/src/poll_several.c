// Several subscriptions: what has happened is told, and what has not is not.
#include "poll.h"

static void the_first_of_several_times(void) {
  __wasi_subscription_t several[] = {
      on_clock(1, __WASI_CLOCKID_MONOTONIC, 3600000 * MILLISECOND, 0),
      on_clock(2, __WASI_CLOCKID_MONOTONIC, 10 * MILLISECOND, 0),
      on_clock(3, __WASI_CLOCKID_REALTIME, UINT64_MAX, ABSOLUTE),
      on_clock(4, __WASI_CLOCKID_MONOTONIC, UINT64_MAX, 0),
  };
  CHECK_EQ(wait_for(several, COUNT_OF(several)), 1);
  CHECK_EQ(events[0].userdata, 2);
}

static void all_that_have_passed(void) {
  __wasi_subscription_t several[] = {
      on_clock(1, __WASI_CLOCKID_MONOTONIC, 0, ABSOLUTE),
      on_clock(2, __WASI_CLOCKID_REALTIME, 0, ABSOLUTE),
      on_clock(3, __WASI_CLOCKID_MONOTONIC, 3600000 * MILLISECOND, 0),
  };
  size_t count = wait_for(several, COUNT_OF(several));
  // One is enough, the third is too much.
  CHECK(count == 1 || count == 2);
  CHECK(event_of(3, count) == NULL);
}

// The same value twice is no problem of the host.
static void userdata_is_only_passed_on(void) {
  __wasi_subscription_t several[] = {
      on_clock(7, __WASI_CLOCKID_MONOTONIC, 0, 0),
      on_clock(7, __WASI_CLOCKID_MONOTONIC, 0, 0),
  };
  size_t count = wait_for(several, COUNT_OF(several));
  for (size_t i = 0; i < count; i++) CHECK_EQ(events[i].userdata, 7);
}

// Files are ready at once, however long the clock has.
static void a_file_and_a_clock(void) {
  Fd fd = new_file("file", "abc");
  __wasi_subscription_t several[] = {
      on_clock(1, __WASI_CLOCKID_MONOTONIC, 3600000 * MILLISECOND, 0),
      on_fd(2, __WASI_EVENTTYPE_FD_READ, fd),
  };
  CHECK_EQ(wait_for(several, COUNT_OF(several)), 1);
  CHECK_EQ(events[0].userdata, 2);
  CHECK_OK(__wasi_fd_close(fd));
}

// The list of events may lie where the subscriptions are.
static void in_place(void) {
  union {
    __wasi_subscription_t subscriptions[2];
    __wasi_event_t events[2];
  } both;
  both.subscriptions[0] = on_clock(5, __WASI_CLOCKID_MONOTONIC, 0, 0);
  both.subscriptions[1] = on_clock(5, __WASI_CLOCKID_MONOTONIC, 0, 0);
  __wasi_size_t stored = 0;
  CHECK_OK(__wasi_poll_oneoff(both.subscriptions, both.events, 2, &stored));
  for (size_t i = 0; i < stored; i++) CHECK_EQ(both.events[i].userdata, 5);
}

int main(void) {
  RUN(the_first_of_several_times);
  RUN(all_that_have_passed);
  RUN(userdata_is_only_passed_on);
  RUN(a_file_and_a_clock);
  RUN(in_place);
  return report();
}
