// How threads end the program: the argument says how, while others wait, sleep, compute and join.
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <pthread.h>
#include <stdexcept>
#include <unistd.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t never = PTHREAD_COND_INITIALIZER;
static std::atomic<int> ready;
static const char *how;

static void *waits(void *) {
  pthread_mutex_lock(&lock);
  ready++;
  for (;;) pthread_cond_wait(&never, &lock);
}

static void *sleeps(void *) {
  ready++;
  for (;;) sleep(1000);
}

static void *computes(void *) {
  ready++;
  for (volatile unsigned n = 0;; n = n + 1) {
  }
}

static volatile int sink;
__attribute__((noinline)) static int recurse(int n) {
  volatile int place[4] = {n, n + 1, n + 2, n + 3};
  int result = recurse(n + 1) + place[n & 3];
  sink = result;
  return result;
}

static void *ends(void *) {
  while (ready < 3) usleep(100);
  printf("ending by %s\n", how);
  if (!strcmp(how, "exit")) exit(7);
  if (!strcmp(how, "_exit")) _exit(8);
  if (!strcmp(how, "trap")) __builtin_trap();
  if (!strcmp(how, "abort")) abort();
  if (!strcmp(how, "throw")) throw std::runtime_error("nobody catches this");
  if (!strcmp(how, "recurse")) recurse(0);
  if (!strcmp(how, "null")) {
    void (*volatile nothing)() = nullptr;
    nothing();
  }
  return nullptr;
}

int main(int argc, char **argv) {
  how = argc > 1 ? argv[1] : "return";
  setvbuf(stdout, nullptr, _IOLBF, 256);
  atexit([] { puts("atexit ran"); });
  pthread_t threads[4];
  void *(*bodies[])(void *) = {waits, sleeps, computes, ends};
  for (int i = 0; i < 4; i++) pthread_create(&threads[i], nullptr, bodies[i], nullptr);
  pthread_join(threads[3], nullptr);
  if (!strcmp(how, "main trap")) __builtin_trap();
  puts("main returns");
  return 3;
}
