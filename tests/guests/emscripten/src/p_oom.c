// Memory until there is no more, and blocks that change their size.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int main(void) {
  char *p = NULL;
  size_t size = 16;
  for (int i = 0; i < 18; i++, size *= 2) {
    char *q = realloc(p, size);
    if (!q) { printf("realloc failed at %zu\n", size); break; }
    p = q;
    if (i > 0) for (size_t k = 0; k < size / 2; k += 4096) if (p[k] != (char)(i - 1)) printf("lost\n");
    memset(p, i, size);
  }
  printf("size %zu\n", size);
  p = realloc(p, 10);
  printf("shrunk %d\n", p[9]);
  free(p);
  int blocks = 0;
  void *list[64];
  while (blocks < 64 && (list[blocks] = malloc(4 << 20))) { memset(list[blocks], 1, 4 << 20); blocks++; }
  printf("blocks %d\n", blocks > 4 && blocks < 16);
  for (int i = 0; i < blocks; i++) free(list[i]);
  printf("huge %d\n", malloc(0x7fffffff) == NULL);
  printf("all %d\n", malloc(0xfffffff0u) == NULL);
  printf("calloc %d\n", calloc(65536, 65536) == NULL);
  p = malloc(8 << 20);
  printf("again %d\n", p != NULL);
  free(p);
  void *a = aligned_alloc(4096, 8192);
  printf("aligned %d\n", ((size_t)a & 4095) == 0);
  return 0;
}
