// A million lines.
#include <stdio.h>

int main(void) {
  for (int i = 0; i < 1000000; i++) printf("line %d: %s, %x\n", i, i % 3 == 0 ? "fizz" : "-", i);
  return 0;
}
