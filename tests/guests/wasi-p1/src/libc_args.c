// main's arguments and the environment. Run with `a 'b c' ''`, A=1 and B.
#include "check.h"

extern char **environ;

static int count;
static char **arguments;

static void args(void) {
  CHECK_EQ(count, 4);
  CHECK_TEXT(arguments[1], strlen(arguments[1]), "a");
  CHECK_TEXT(arguments[2], strlen(arguments[2]), "b c");
  CHECK_TEXT(arguments[3], strlen(arguments[3]), "");
  CHECK(arguments[4] == NULL);
}

static void variables(void) {
  CHECK_TEXT(getenv("A"), 1, "1");
  CHECK(getenv("B") != NULL && *getenv("B") == 0);
  CHECK(getenv("MISSING") == NULL);
  CHECK_WORKS(setenv("A", "two", 1));
  CHECK_TEXT(getenv("A"), 3, "two");
  CHECK_WORKS(unsetenv("A"));
  CHECK(getenv("A") == NULL);
  CHECK(environ[0] != NULL);
}

int main(int argc, char **argv) {
  count = argc;
  arguments = argv;
  RUN(args);
  RUN(variables);
  return report();
}
