// Threads that grow the memory at the same time, up to its maximum, and see what others have written beyond the old end.
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { THREADS = 4, BLOCKS = 12, SIZE = 1 << 20 };
static char *blocks[THREADS][BLOCKS];

static void *grow(void *arg) {
  long id = (long)arg, got = 0;
  for (int i = 0; i < BLOCKS; i++) {
    char *block = malloc(SIZE);
    if (!block) break;
    memset(block, (int)(id * BLOCKS + i), SIZE);
    blocks[id][i] = block;
    got++;
  }
  return (void *)got;
}

static pthread_barrier_t all;

static void *exhaust(void *arg) {
  long got = 0;
  pthread_barrier_wait(&all);
  // The compiler may leave out what nobody looks at.
  static char *volatile kept;
  while ((kept = malloc(4 << 20))) got++;
  return (void *)got;
}

int main(void) {
  pthread_t threads[THREADS];
  long got = 0, wrong = 0, more = 0;
  for (long i = 0; i < THREADS; i++) pthread_create(&threads[i], 0, grow, (void *)i);
  for (int i = 0; i < THREADS; i++) {
    void *result;
    pthread_join(threads[i], &result);
    got += (long)result;
  }
  for (int id = 0; id < THREADS; id++)
    for (int i = 0; i < BLOCKS; i++)
      for (int at = 0; at < SIZE; at += 4097) wrong += blocks[id][i][at] != (char)(id * BLOCKS + i);
  printf("blocks=%ld wrong=%ld\n", got, wrong);
  pthread_barrier_init(&all, 0, THREADS);
  for (long i = 0; i < THREADS; i++) pthread_create(&threads[i], 0, exhaust, 0);
  for (int i = 0; i < THREADS; i++) {
    void *result;
    pthread_join(threads[i], &result);
    more += (long)result;
  }
  printf("then some more=%d, and no more for any\n", more > 0);
  return 0;
}
