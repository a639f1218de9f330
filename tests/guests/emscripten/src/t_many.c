// A thousand short threads, joined and detached in turn: what they used is free again.
#include <malloc.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static int count;
static _Thread_local int own[64];

static void *work(void *arg) {
  own[3] = (int)(long)arg;
  void *memory = malloc(100);
  __atomic_fetch_add(&count, own[3] + own[4] > 0, __ATOMIC_SEQ_CST);
  free(memory);
  return arg;
}

int main(void) {
  int after_some = 0;
  long wrong = 0;
  for (long i = 1; i <= 1000; i++) {
    pthread_t thread;
    void *result = (void *)i;
    if (pthread_create(&thread, 0, work, (void *)i) != 0) {
      printf("no thread %ld\n", i);
      return 1;
    }
    if (i % 3 == 0) {
      pthread_detach(thread);
      while (__atomic_load_n(&count, __ATOMIC_SEQ_CST) != i) sched_yield();
    } else {
      pthread_join(thread, &result);
    }
    wrong += result != (void *)i;
    if (i == 100) after_some = mallinfo().uordblks;
  }
  int growth = mallinfo().uordblks - after_some;
  printf("count=%d wrong=%ld leaked=%d\n", count, wrong, growth > 40 * 1024 * 1024);
  return 0;
}
