// Sleeping by -sASYNCIFY, while timers run.
#include <emscripten.h>
#include <stdio.h>

static void later(void *arg) { printf("%s\n", (char *)arg); }

int main(void) {
  printf("has asyncify: %d\n", emscripten_has_asyncify());
  emscripten_async_call(later, "while it sleeps", 20);
  emscripten_async_call(later, "behind main", 400);
  double before = emscripten_get_now();
  emscripten_sleep(100);
  double slept = emscripten_get_now() - before;
  printf("slept: %d\n", slept > 90 && slept < 400);
  return 0;
}
