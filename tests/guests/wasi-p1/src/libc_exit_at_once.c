// _Exit ends at once: nothing registered runs, no stream is written out; the code is 9.
#include "files.h"

static void never(void) { say("this does not run\n"); }

int main(void) {
  atexit(never);
  printf("lost in its buffer");
  say("before\n");
  _Exit(9);
}
