// setjmp in loops and across frames.
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>

static jmp_buf outer, inner, table[3];
static int depth_reached;

static void down(int n) {
  depth_reached = n;
  if (n == 0) longjmp(outer, 42);
  char pad[64];
  pad[0] = n;
  down(n - 1);
  printf("never %d\n", pad[0]);
}

static int protected_call(int i) {
  jmp_buf *here = &table[i];
  switch (setjmp(*here)) {
  case 0:
    if (i < 2) return protected_call(i + 1) * 10 + 1;
    longjmp(table[1], 7);
  case 7: return 100 + i;
  default: return -1;
  }
}

int main(void) {
  volatile int count = 0;
  for (int i = 0; i < 1000; i++) {
    int r = setjmp(inner);
    if (r == 0) longjmp(inner, i + 1);
    count += r == i + 1;
  }
  printf("loop %d\n", count);
  int r = setjmp(outer);
  if (r == 0) down(50);
  printf("deep %d %d\n", r, depth_reached);
  printf("chosen %d\n", protected_call(0));
  volatile int tries = 0;
  r = setjmp(outer);
  tries++;
  if (tries < 5) longjmp(outer, tries);
  printf("tries %d last %d\n", tries, r);
  r = setjmp(outer);
  if (r == 0) longjmp(outer, 0);
  printf("zero becomes %d\n", r);
  // Memory of the heap is kept, and the stack pointer is restored.
  char *p = malloc(10);
  p[0] = 'k';
  volatile int rounds = 0;
  if (setjmp(outer) < 1000) {
    rounds++;
    if (rounds <= 1000) { volatile char big[4096]; big[0] = 1; longjmp(outer, rounds); }
  }
  printf("rounds %d %c\n", rounds, p[0]);
  return 0;
}
