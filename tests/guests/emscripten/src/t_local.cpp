// pthread_once, thread_local with constructors and destructors, keys with destructors, static locals.
#include <atomic>
#include <cstdio>
#include <pthread.h>

static std::atomic<int> made, destroyed, keys_destroyed, once_runs;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static pthread_key_t key, second_key;

struct Counted {
  int value = 100;
  Counted() { made++; }
  ~Counted() { destroyed++; }
};
static thread_local Counted counted;
static thread_local int number = 5;
static thread_local char text[32] = "initial";

static void destroy(void *value) {
  keys_destroyed += *static_cast<int *>(value);
  delete static_cast<int *>(value);
}

// Sets another key while keys are destroyed: that one is destroyed in the next round.
static void destroy_again(void *value) {
  pthread_setspecific(key, new int(1000));
  delete static_cast<int *>(value);
}

static void init() {
  once_runs++;
  pthread_key_create(&key, destroy);
  pthread_key_create(&second_key, destroy_again);
}

static int shared_static() {
  static int value = [] { return ++once_runs, 7; }();
  return value;
}

static void *work(void *arg) {
  pthread_once(&once, init);
  long id = reinterpret_cast<long>(arg);
  if (number != 5 || text[0] != 'i' || counted.value != 100) return reinterpret_cast<void *>(-1L);
  number += id;
  counted.value += id;
  snprintf(text, sizeof text, "thread %ld", id);
  pthread_setspecific(key, new int(static_cast<int>(id)));
  if (id == 3) pthread_setspecific(second_key, new int(0));
  for (int i = 0; i < 1000; i++)
    if (number != 5 + id) return reinterpret_cast<void *>(-2L);
  return reinterpret_cast<void *>(static_cast<long>(number + counted.value + shared_static()));
}

int main() {
  pthread_t threads[4];
  for (long i = 0; i < 4; i++) pthread_create(&threads[i], nullptr, work, reinterpret_cast<void *>(i));
  for (int i = 0; i < 4; i++) {
    void *result;
    pthread_join(threads[i], &result);
    printf("thread %d: %ld\n", i, reinterpret_cast<long>(result));
  }
  printf("main still has %d %s\n", number, text);
  printf("made=%d destroyed=%d keys=%d once=%d\n", made.load(), destroyed.load(), keys_destroyed.load(), once_runs.load());
}
