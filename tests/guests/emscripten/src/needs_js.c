// Needs JavaScript: EM_ASM and EM_JS.
#include <emscripten.h>
#include <stdio.h>
EM_JS(int, twice, (int x), { return 2 * x; });
int main(int argc, char **argv) {
  printf("before\n");
  if (argc > 1) printf("%d\n", twice(21));
  EM_ASM({ console.log("in JavaScript"); });
  return 0;
}
