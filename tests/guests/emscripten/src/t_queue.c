// A bounded queue with condition variables: two producers, three consumers; a timed wait that times out.
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <time.h>

enum { CAPACITY = 4, PER_PRODUCER = 500, PRODUCERS = 2, CONSUMERS = 3, ALL = PRODUCERS * PER_PRODUCER };

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t not_empty = PTHREAD_COND_INITIALIZER;
static pthread_cond_t not_full = PTHREAD_COND_INITIALIZER;
static int items[CAPACITY];
static int head, count, finished;

static void *produce(void *arg) {
  int base = (int)(long)arg * PER_PRODUCER;
  for (int i = 1; i <= PER_PRODUCER; i++) {
    pthread_mutex_lock(&lock);
    while (count == CAPACITY) pthread_cond_wait(&not_full, &lock);
    items[(head + count++) % CAPACITY] = base + i;
    pthread_cond_signal(&not_empty);
    pthread_mutex_unlock(&lock);
  }
  return 0;
}

static void *consume(void *arg) {
  long sum = 0;
  for (;;) {
    pthread_mutex_lock(&lock);
    while (count == 0 && !finished) pthread_cond_wait(&not_empty, &lock);
    if (count == 0) {
      pthread_mutex_unlock(&lock);
      return (void *)sum;
    }
    sum += items[head];
    head = (head + 1) % CAPACITY;
    count--;
    pthread_cond_signal(&not_full);
    pthread_mutex_unlock(&lock);
  }
}

int main(int argc, char **argv) {
  pthread_t producers[PRODUCERS], consumers[CONSUMERS];
  for (long i = 0; i < CONSUMERS; i++) pthread_create(&consumers[i], 0, consume, 0);
  for (long i = 0; i < PRODUCERS; i++) pthread_create(&producers[i], 0, produce, (void *)i);
  for (int i = 0; i < PRODUCERS; i++) pthread_join(producers[i], 0);
  pthread_mutex_lock(&lock);
  finished = 1;
  pthread_cond_broadcast(&not_empty);
  pthread_mutex_unlock(&lock);
  long total = 0;
  for (int i = 0; i < CONSUMERS; i++) {
    void *sum;
    pthread_join(consumers[i], &sum);
    total += (long)sum;
  }
  printf("total=%ld expected=%d\n", total, ALL * (ALL + 1) / 2);

  struct timespec soon;
  clock_gettime(CLOCK_REALTIME, &soon);
  soon.tv_nsec += 20000000;
  if (soon.tv_nsec >= 1000000000) {
    soon.tv_nsec -= 1000000000;
    soon.tv_sec++;
  }
  pthread_mutex_lock(&lock);
  int result = pthread_cond_timedwait(&not_empty, &lock, &soon);
  printf("timed out=%d mutex held=%d\n", result == ETIMEDOUT, pthread_mutex_trylock(&lock) == EBUSY);
  pthread_mutex_unlock(&lock);
  return argc;
}
