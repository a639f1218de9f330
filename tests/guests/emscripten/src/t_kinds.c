// Kinds of mutexes, rwlocks, barriers, semaphores, spin locks.
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdio.h>
#include <time.h>

static pthread_mutex_t mutex;
static pthread_rwlock_t rwlock = PTHREAD_RWLOCK_INITIALIZER;
static pthread_barrier_t barrier;
static pthread_spinlock_t spin;
static sem_t items;
static int shared, serial, spins;

static void *try_lock(void *arg) { return (void *)(long)pthread_mutex_trylock(&mutex); }
static void *unlock(void *arg) { return (void *)(long)pthread_mutex_unlock(&mutex); }
static void *try_write(void *arg) { return (void *)(long)pthread_rwlock_trywrlock(&rwlock); }
static void *try_read(void *arg) {
  int result = pthread_rwlock_tryrdlock(&rwlock);
  if (result == 0) pthread_rwlock_unlock(&rwlock);
  return (void *)(long)result;
}

static int elsewhere(void *(*function)(void *)) {
  pthread_t thread;
  void *result;
  pthread_create(&thread, 0, function, 0);
  pthread_join(thread, &result);
  return (int)(long)result;
}

static void make(int kind) {
  pthread_mutexattr_t attributes;
  pthread_mutexattr_init(&attributes);
  pthread_mutexattr_settype(&attributes, kind);
  pthread_mutex_init(&mutex, &attributes);
}

static void *phases(void *arg) {
  for (int phase = 1; phase <= 50; phase++) {
    __atomic_fetch_add(&shared, 1, __ATOMIC_SEQ_CST);
    if (pthread_barrier_wait(&barrier) == PTHREAD_BARRIER_SERIAL_THREAD) serial++;
    if (__atomic_load_n(&shared, __ATOMIC_SEQ_CST) != 4 * phase) return (void *)1;
    pthread_barrier_wait(&barrier);
  }
  return 0;
}

static void *take(void *arg) {
  for (int i = 0; i < 100; i++) {
    sem_wait(&items);
    pthread_spin_lock(&spin);
    spins++;
    pthread_spin_unlock(&spin);
  }
  return 0;
}

int main(void) {
  make(PTHREAD_MUTEX_RECURSIVE);
  pthread_mutex_lock(&mutex);
  printf("recursive again=%d other busy=%d", pthread_mutex_lock(&mutex), elsewhere(try_lock) == EBUSY);
  pthread_mutex_unlock(&mutex);
  printf(" still busy=%d", elsewhere(try_lock) == EBUSY);
  pthread_mutex_unlock(&mutex);
  printf(" other now=%d\n", elsewhere(try_lock));

  make(PTHREAD_MUTEX_ERRORCHECK);
  pthread_mutex_lock(&mutex);
  printf("errorcheck again deadlk=%d other unlock perm=%d\n", pthread_mutex_lock(&mutex) == EDEADLK,
    elsewhere(unlock) == EPERM);
  pthread_mutex_unlock(&mutex);

  make(PTHREAD_MUTEX_NORMAL);
  pthread_mutex_lock(&mutex);
  struct timespec past = {1, 0};
  printf("timedlock=%d\n", pthread_mutex_timedlock(&mutex, &past) == ETIMEDOUT);
  pthread_mutex_unlock(&mutex);

  pthread_rwlock_rdlock(&rwlock);
  printf("readers: write busy=%d read=%d\n", elsewhere(try_write) == EBUSY, elsewhere(try_read));
  pthread_rwlock_unlock(&rwlock);
  pthread_rwlock_wrlock(&rwlock);
  printf("writer: write busy=%d read busy=%d\n", elsewhere(try_write) == EBUSY, elsewhere(try_read) == EBUSY);
  pthread_rwlock_unlock(&rwlock);

  pthread_t threads[4];
  pthread_barrier_init(&barrier, 0, 4);
  for (int i = 0; i < 4; i++) pthread_create(&threads[i], 0, phases, 0);
  long failed = 0;
  for (int i = 0; i < 4; i++) {
    void *result;
    pthread_join(threads[i], &result);
    failed += (long)result;
  }
  printf("barrier: failed=%ld serial=%d\n", failed, serial);

  sem_init(&items, 0, 0);
  pthread_spin_init(&spin, 0);
  for (int i = 0; i < 4; i++) pthread_create(&threads[i], 0, take, 0);
  for (int i = 0; i < 400; i++) sem_post(&items);
  for (int i = 0; i < 4; i++) pthread_join(threads[i], 0);
  int value;
  sem_getvalue(&items, &value);
  printf("spins=%d left=%d\n", spins, value);
  return 0;
}
