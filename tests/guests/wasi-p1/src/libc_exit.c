// exit runs what was registered, last first, and writes out the streams; the code is 7.
#include "files.h"

static FILE *file;

static void first(void) {
  say("registered first\n");
  CHECK_FILE("file", "");
}
static void second(void) { say("registered second\n"); }

__attribute__((destructor)) static void destructor(void) { say("destructor\n"); }

int main(void) {
  atexit(first);
  atexit(second);
  file = fopen("file", "w");
  fputs("not yet written", file);
  printf("still in its buffer ");
  exit(7);
}
