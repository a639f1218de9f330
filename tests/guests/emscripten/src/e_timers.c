// Timers and main loops, one after the other. With an argument the main loop leaves `main`.
#include <emscripten.h>
#include <emscripten/html5.h>
#include <stdio.h>
#include <stdlib.h>

static int leaves;

static void at_end(void) { puts("at exit"); }

static int frames;
static void resume(void *arg) {
  printf("resumed %s\n", (char *)arg);
  emscripten_resume_main_loop();
}
static void frame(void *arg) {
  int mode, value;
  emscripten_get_main_loop_timing(&mode, &value);
  printf("frame %d of %s, timing %d %d\n", ++frames, (char *)arg, mode, value);
  if (frames == 2) {
    emscripten_pause_main_loop();
    emscripten_async_call(resume, "it", 20);
  }
  if (frames == 3) printf("set timing: %d\n", emscripten_set_main_loop_timing(EM_TIMING_RAF, 1));
  if (frames == 4) {
    emscripten_cancel_main_loop();
    puts("cancelled");
  }
}

static void begin_main_loop(void *arg) {
  emscripten_set_main_loop_arg(frame, "a loop", 50, 0);
  puts("main loop begins later");
}

static int turns;
static EM_BOOL turn(void *arg) {
  printf("turn %d\n", ++turns);
  if (turns < 3) return EM_TRUE;
  emscripten_set_immediate(begin_main_loop, 0);
  return EM_FALSE;
}

static double last;
static EM_BOOL again(double time, void *arg) {
  static int times;
  printf("again %d, %s\n", ++times, time > last ? "later" : "not later");
  last = time;
  if (times < 3) return EM_TRUE;
  emscripten_set_immediate_loop(turn, 0);
  return EM_FALSE;
}

static long interval;
static void every(void *arg) {
  static int times;
  printf("every %d\n", ++times);
  if (times == 3) {
    emscripten_clear_interval(interval);
    emscripten_set_timeout_loop(again, 10, 0);
  }
}

static void later(void *arg) {
  printf("timeout %d\n", (int)arg);
  if ((int)arg == 3) interval = emscripten_set_interval(every, 10, 0);
}
static void never(void *arg) { puts("this was cleared"); }

static void only(void) {
  puts("the only frame");
  emscripten_cancel_main_loop();
}

int main(int argc, char **argv) {
  if (argc > 1) {
    atexit(at_end);
    emscripten_set_main_loop(only, 0, 1);
    puts("not reached");
  }
  emscripten_set_timeout(later, 200, (void *)3);
  emscripten_set_timeout(later, 10, (void *)1);
  emscripten_set_timeout(later, 100, (void *)2);
  long cleared = emscripten_set_timeout(never, 50, 0);
  emscripten_clear_timeout(cleared);
  puts("main returns");
  return 3;
}
