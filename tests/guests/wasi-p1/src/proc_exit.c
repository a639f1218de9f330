// Ends with the code that is its argument, from deep within, without running what C would run at the end.
#include "wasi.h"

static void not_run(void) { say("this does not run\n"); }

static __attribute__((noinline)) int end(int depth, int code) {
  volatile int frame[16] = {depth};
  if (depth == 0) __wasi_proc_exit((__wasi_exitcode_t)code);
  return end(depth - 1, code) + frame[0];
}

int main(int argc, char **argv) {
  atexit(not_run);
  say("before\n");
  int result = end(100, argc > 1 ? atoi(argv[1]) : 0);
  say("after\n");
  return result;
}
