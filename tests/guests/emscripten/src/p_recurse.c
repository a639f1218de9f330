// Calls itself for ever.
#include <stdio.h>
__attribute__((noinline)) int down(volatile int *n) { int here = *n + 1; return down(&here) + here; }
int main(void) { printf("start\n"); int zero = 0; printf("%d\n", down(&zero)); return 0; }
