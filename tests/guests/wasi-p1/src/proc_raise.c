// Signals that do nothing can be raised, or this is not supported; numbers that are no signals are refused.
#include "wasi.h"

RAW(proc_raise, uint32_t signal);

static void no_signal(void) { CHECK_ONE_OF(raw_proc_raise(0), E(SUCCESS), E(NOTSUP), E(NOSYS), E(INVAL)); }
// Those that by the documents are ignored: PIPE, CHLD, URG and WINCH.
static void ignored(void) {
  static const uint32_t signals[] = {13, 16, 22, 27};
  for (size_t i = 0; i < COUNT_OF(signals); i++) CHECK_ONE_OF(raw_proc_raise(signals[i]), E(SUCCESS), E(NOTSUP), E(NOSYS));
}

static void unknown(void) { CHECK_ONE_OF(raw_proc_raise(200), E(INVAL), E(NOTSUP), E(NOSYS)); }

int main(void) {
  RUN(no_signal);
  RUN(ignored);
  RUN(unknown);
  return report();
}
