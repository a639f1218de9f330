// The environment and arguments.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
extern char **environ;
int main(int argc, char **argv) {
  for (char **e = environ; *e; e++) if (strncmp(*e, "_=", 2) && strncmp(*e, "LANG=", 5)) puts(*e);
  setenv("NEW", "value", 1);
  setenv("HOME", "/elsewhere", 1);
  unsetenv("USER");
  printf("%s %s %d\n", getenv("NEW"), getenv("HOME"), getenv("USER") == NULL);
  putenv("PUT=1");
  printf("%s %d\n", getenv("PUT"), getenv("NOTHING") == NULL);
  for (int i = 1; i < argc; i++) printf("%d<%s>\n", i, argv[i]);
  return argc;
}
