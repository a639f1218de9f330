// Calls that threads ask others to make: the main thread while it waits, and a thread that waits for events.
#include <emscripten/threading.h>
#include <emscripten.h>
#include <pthread.h>
#include <stdio.h>

static pthread_t main_thread;
static int async_calls, ready;

static int on_main(int a, int b) { return pthread_equal(pthread_self(), main_thread) ? a * b : -1; }
static void later(int n) {
  if (pthread_equal(pthread_self(), main_thread)) async_calls += n;
}

static void *asks(void *arg) {
  for (int i = 0; i < 300; i++) emscripten_async_run_in_main_runtime_thread(EM_FUNC_SIG_VI, later, 1);
  int product = emscripten_sync_run_in_main_runtime_thread(EM_FUNC_SIG_III, on_main, 6, 7);
  return (void *)(long)product;
}

static void *create(void *arg) {
  pthread_t thread;
  void *result;
  pthread_create(&thread, 0, asks, 0);
  pthread_join(thread, &result);
  return result;
}

static void told(int n) {
  __atomic_store_n(&ready, n, __ATOMIC_SEQ_CST);
  if (n == 3) pthread_exit((void *)33);
}

static void *waits_for_events(void *arg) {
  __atomic_store_n(&ready, 1, __ATOMIC_SEQ_CST);
  emscripten_exit_with_live_runtime();
  return 0;
}

static void until(int n) {
  while (__atomic_load_n(&ready, __ATOMIC_SEQ_CST) != n) emscripten_thread_sleep(1);
}

int main(void) {
  main_thread = pthread_self();
  pthread_t thread;
  void *result;
  pthread_create(&thread, 0, asks, 0);
  pthread_join(thread, &result);
  printf("product=%ld async=%d\n", (long)result, async_calls);
  pthread_create(&thread, 0, create, 0);
  pthread_join(thread, &result);
  printf("product=%ld async=%d\n", (long)result, async_calls);

  pthread_create(&thread, 0, waits_for_events, 0);
  until(1);
  emscripten_dispatch_to_thread(thread, EM_FUNC_SIG_VI, told, 0, 2);
  until(2);
  emscripten_dispatch_to_thread(thread, EM_FUNC_SIG_VI, told, 0, 3);
  pthread_join(thread, &result);
  printf("ready=%d result=%ld\n", ready, (long)result);
  return 0;
}
