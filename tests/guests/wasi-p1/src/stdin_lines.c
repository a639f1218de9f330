// Lines from stdin, the last one without an end. Run with the lines in `expected`.
#include "check.h"
#include <stdio.h>

static void lines(void) {
  static const char *const expected[] = {"first\n", "\n", "third é\n", "last"};
  char *line = NULL;
  size_t capacity = 0;
  for (size_t i = 0; i < COUNT_OF(expected); i++) {
    ssize_t len = getline(&line, &capacity, stdin);
    if (CHECK(len >= 0)) CHECK_TEXT(line, (size_t)len, expected[i]);
  }
  CHECK_EQ(getline(&line, &capacity, stdin), -1);
  CHECK(feof(stdin) && !ferror(stdin));
  CHECK_EQ(getchar(), EOF);
  free(line);
}

int main(void) {
  RUN(lines);
  return report();
}
