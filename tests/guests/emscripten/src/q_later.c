// What is called after main: timers, immediate events, the main loop, alarms; and waiting.
#include <emscripten.h>
#include <emscripten/eventloop.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static int turns;
static long interval;

static void bye(void) { puts("bye"); }
static void say(void *what) { printf("say %d\n", (int)what); }
static void handler(int signal) { printf("signal %d\n", signal); }

static void tick(void *unused) {
  printf("tick %d\n", ++turns);
  if (turns == 3) emscripten_clear_interval(interval);
}

static EM_BOOL again(double time, void *unused) {
  printf("again %d %d\n", ++turns, time > 0);
  return turns < 3;
}

static EM_BOOL at_once(void *unused) {
  printf("at once %d\n", ++turns);
  return turns < 3;
}

static void loop(void) {
  printf("loop %d\n", ++turns);
  if (turns == 2) {
    int mode, value;
    emscripten_get_main_loop_timing(&mode, &value);
    printf("timing %d %d\n", mode, value);
    emscripten_set_main_loop_timing(EM_TIMING_SETIMMEDIATE, 0);
  }
  if (turns == 4) emscripten_cancel_main_loop();
}

static void rests(void *with) {
  printf("turn %d with %d\n", ++turns, (int)with);
  if (turns == 2) emscripten_pause_main_loop();
  if (turns == 4) emscripten_force_exit(6);
}

static void resume(void *unused) {
  puts("resume");
  emscripten_resume_main_loop();
}

int main(int argc, char **argv) {
  atexit(bye);
  switch (atoi(argv[1])) {
    case 0:
      emscripten_async_call(say, (void *)3, 400);
      emscripten_async_call(say, (void *)1, 0);
      emscripten_set_timeout(say, 200, (void *)2);
      break;
    case 1: emscripten_set_main_loop(loop, 50, 1); break;
    case 2:
      emscripten_set_main_loop_arg(rests, (void *)7, 0, 0);
      emscripten_set_timeout(resume, 500, 0);
      break;
    case 3: interval = emscripten_set_interval(tick, 5, 0); break;
    case 4: emscripten_set_timeout_loop(again, 5, 0); break;
    case 5: {
      emscripten_set_immediate_loop(at_once, 0);
      long id = emscripten_set_immediate(say, (void *)9);
      emscripten_set_immediate(say, (void *)8);
      emscripten_clear_immediate(id);
      break;
    }
    case 6:
      signal(SIGALRM, handler);
      printf("alarm %u\n", alarm(1));
      break;
    case 7:
      emscripten_set_timeout(say, 20, (void *)1);
      emscripten_clear_timeout(emscripten_set_timeout(say, 10, (void *)9));
      emscripten_exit_with_live_runtime();
#ifdef SLEEPS
    case 8: {
      double before = emscripten_get_now();
      emscripten_async_call(say, (void *)1, 10);
      emscripten_async_call(say, (void *)2, 1500);
      emscripten_sleep(300);
      printf("slept %d\n", emscripten_get_now() - before >= 299);
      printf("can wait %d\n", emscripten_has_asyncify());
      return 0;
    }
#endif
  }
  puts("end of main");
  return 3;
}
