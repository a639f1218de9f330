// Detached threads, joins that fail, cancellation with clean-up handlers, pthread_exit, pthread_kill with signal 0.
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static int done, ready, cleaned;

static void *detached(void *arg) {
  pthread_mutex_lock(&lock);
  done++;
  pthread_cond_signal(&changed);
  pthread_mutex_unlock(&lock);
  return 0;
}

static void clean(void *arg) { cleaned += (int)(long)arg; }

static void *sleeper(void *arg) {
  pthread_cleanup_push(clean, (void *)1);
  pthread_cleanup_push(clean, (void *)10);
  __atomic_store_n(&ready, 1, __ATOMIC_SEQ_CST);
  for (;;) usleep(1000);
  pthread_cleanup_pop(0);
  pthread_cleanup_pop(0);
  return 0;
}

static void *tester(void *arg) {
  int old;
  pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &old);
  __atomic_store_n(&ready, 1, __ATOMIC_SEQ_CST);
  while (__atomic_load_n(&ready, __ATOMIC_SEQ_CST) != 2) usleep(100);
  pthread_testcancel();
  cleaned += 100;
  pthread_setcancelstate(old, &old);
  pthread_testcancel();
  cleaned += 1000;
  return 0;
}

static void *waiter(void *arg) {
  pthread_mutex_lock(&lock);
  pthread_cleanup_push(clean, (void *)10000);
  __atomic_store_n(&ready, 1, __ATOMIC_SEQ_CST);
  for (;;) pthread_cond_wait(&changed, &lock);
  pthread_cleanup_pop(0);
  return 0;
}

static void deep(int n) {
  if (n == 0) pthread_exit((void *)77);
  deep(n - 1);
  cleaned += 100000;
}

static void *leaves(void *arg) {
  deep(20);
  return 0;
}

static void *self_join(void *arg) { return (void *)(long)pthread_join(pthread_self(), 0); }

static void *cancel(void *(*function)(void *), int when) {
  pthread_t thread;
  void *result;
  ready = 0;
  pthread_create(&thread, 0, function, 0);
  while (!__atomic_load_n(&ready, __ATOMIC_SEQ_CST)) usleep(100);
  printf("cancel=%d ", pthread_cancel(thread));
  __atomic_store_n(&ready, when, __ATOMIC_SEQ_CST);
  pthread_join(thread, &result);
  return result;
}

int main(void) {
  pthread_t thread;
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
  pthread_attr_setstacksize(&attributes, 65536);
  for (int i = 0; i < 3; i++) printf("create=%d\n", pthread_create(&thread, &attributes, detached, 0));
  pthread_create(&thread, 0, detached, 0);
  printf("detach=%d\n", pthread_detach(thread));
  pthread_mutex_lock(&lock);
  while (done < 4) pthread_cond_wait(&changed, &lock);
  pthread_mutex_unlock(&lock);
  printf("done=%d\n", done);

  void *result;
  pthread_create(&thread, 0, self_join, 0);
  pthread_join(thread, &result);
  printf("self join: deadlk=%d\n", (int)(long)result == EDEADLK);
  pthread_create(&thread, 0, leaves, 0);
  pthread_join(thread, &result);
  printf("pthread_exit: %ld\n", (long)result);

  printf("canceled=%d cleaned=%d\n", cancel(sleeper, 0) == PTHREAD_CANCELED, cleaned);
  printf("canceled=%d cleaned=%d\n", cancel(tester, 2) == PTHREAD_CANCELED, cleaned);
  printf("canceled=%d cleaned=%d\n", cancel(waiter, 0) == PTHREAD_CANCELED, cleaned);
  printf("kill main 0: %d, 99: einval=%d\n", pthread_kill(pthread_self(), 0), pthread_kill(pthread_self(), 99) == EINVAL);
  return 0;
}
