// Subscriptions and their events.
#pragma once

#include "wasi.h"

#define MILLISECOND UINT64_C(1000000)
#define ABSOLUTE __WASI_SUBCLOCKFLAGS_SUBSCRIPTION_CLOCK_ABSTIME

static inline __wasi_subscription_t on_clock(uint64_t userdata, __wasi_clockid_t id, __wasi_timestamp_t timeout,
                                             __wasi_subclockflags_t flags) {
  return (__wasi_subscription_t){
      .userdata = userdata,
      .u = {.tag = __WASI_EVENTTYPE_CLOCK, .u.clock = {.id = id, .timeout = timeout, .flags = flags}}};
}

static inline __wasi_subscription_t on_fd(uint64_t userdata, __wasi_eventtype_t type, Fd fd) {
  return (__wasi_subscription_t){.userdata = userdata, .u = {.tag = type, .u.fd_read = {fd}}};
}

static __wasi_event_t events[8];

// Waits for one of `count` subscriptions and gives the number of events.
static inline size_t wait_for(const __wasi_subscription_t *subscriptions, size_t count) {
  memset(events, 0x77, sizeof events);
  __wasi_size_t stored = 99;
  REQUIRE(__wasi_poll_oneoff(subscriptions, events, count, &stored));
  if (!CHECK(stored >= 1 && stored <= count)) _Exit(1);
  return stored;
}

static inline const __wasi_event_t *event_of(uint64_t userdata, size_t count) {
  for (size_t i = 0; i < count; i++) {
    if (events[i].userdata == userdata) return &events[i];
  }
  return NULL;
}
