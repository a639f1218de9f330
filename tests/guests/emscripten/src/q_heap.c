// The heap: random sizes, checked contents, fragments, the program break.
#include <malloc.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#define N 500
static unsigned char *p[N];
static size_t n[N];
static uint32_t seed = 12345;
static uint32_t rnd(void) { seed = seed * 1664525u + 1013904223u; return seed >> 8; }
int main(void) {
  int bad = 0;
  for (int round = 0; round < 20000; round++) {
    int i = rnd() % N;
    for (size_t k = 0; k < n[i]; k += 97) if (p[i][k] != (unsigned char)i) bad++;
    switch (rnd() % 3) {
    case 0: free(p[i]); n[i] = rnd() % 5000; p[i] = malloc(n[i]); break;
    case 1: n[i] = rnd() % 20000; p[i] = realloc(p[i], n[i] ? n[i] : 1); break;
    case 2: free(p[i]); n[i] = rnd() % 3000; p[i] = calloc(1, n[i] + 1); for (size_t k = 0; k < n[i]; k++) if (p[i][k]) bad++; break;
    }
    if (!p[i] && n[i]) bad += 1000;
    memset(p[i], i, n[i]);
    if ((uintptr_t)p[i] & 7) bad++;
  }
  printf("bad %d\n", bad);
  for (int i = 0; i < N; i++) free(p[i]);
  void *brk = sbrk(0);
  printf("sbrk %d\n", sbrk(4096) == brk);
  void *a[4] = {memalign(64, 100), aligned_alloc(256, 512), malloc(0), NULL};
  printf("aligned %d %d zero %d\n", ((uintptr_t)a[0] & 63) == 0, ((uintptr_t)a[1] & 255) == 0, a[2] != NULL);
  int r = posix_memalign(&a[3], 1024, 10);
  printf("posix_memalign %d %d\n", r, ((uintptr_t)a[3] & 1023) == 0);
  printf("usable %d\n", malloc_usable_size(a[0]) >= 100);
  // Grows step by step as far as it can.
  size_t total = 0; char *last = NULL;
  while (total < (200u << 20)) { char *q = malloc(1 << 20); if (!q) break; *(char **)q = last; last = q; total += 1 << 20; }
  printf("total %d\n", total > (40u << 20) && total < (64u << 20));
  while (last) { char *next = *(char **)last; free(last); last = next; }
  printf("again %d\n", malloc(30 << 20) != NULL);
  return 0;
}
