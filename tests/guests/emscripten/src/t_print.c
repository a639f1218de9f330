// Lines of several threads come whole, also those of one thread in order; each writes a file of its own.
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

enum { THREADS = 4, LINES = 250 };

static void *print(void *arg) {
  long id = (long)arg;
  char name[32];
  snprintf(name, sizeof name, "/tmp/file%ld", id);
  FILE *file = fopen(name, "w");
  for (int i = 0; i < LINES; i++) {
    printf("thread %ld line %d and some more text to make it longer\n", id, i);
    fprintf(file, "%ld %d\n", id, i);
  }
  fclose(file);
  return 0;
}

int main(int argc, char **argv) {
  pthread_t threads[THREADS];
  for (long i = 0; i < THREADS; i++) pthread_create(&threads[i], 0, print, (void *)i);
  for (int i = 0; i < THREADS; i++) pthread_join(threads[i], 0);
  for (long id = 0; id < THREADS; id++) {
    char name[32], line[32];
    snprintf(name, sizeof name, "/tmp/file%ld", id);
    FILE *file = fopen(name, "r");
    int next = 0, wrong = 0;
    while (fgets(line, sizeof line, file)) {
      long whose;
      int number;
      if (sscanf(line, "%ld %d", &whose, &number) != 2 || whose != id || number != next++) wrong++;
    }
    fclose(file);
    printf("file %ld: %d lines, %d wrong\n", id, next, wrong);
  }
  return 0;
}
