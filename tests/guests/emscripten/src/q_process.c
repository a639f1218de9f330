// Arguments by getopt, and output through several descriptors; many lines.
#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
static int sum(int n, ...) { va_list l; va_start(l, n); int s = 0; for (int i = 0; i < n; i++) s += i % 2 ? (int)va_arg(l, double) : va_arg(l, int); va_end(l); return s; }
int main(int argc, char **argv) {
  struct option options[] = {{"name", required_argument, 0, 'n'}, {"verbose", no_argument, 0, 'v'}, {0, 0, 0, 0}};
  int c, verbose = 0;
  const char *name = "none";
  while ((c = getopt_long(argc, argv, "n:v", options, NULL)) != -1) switch (c) { case 'n': name = optarg; break; case 'v': verbose++; break; default: return 2; }
  printf("name %s verbose %d rest %d\n", name, verbose, argc - optind);
  printf("sum %d\n", sum(4, 1, 2.0, 3, 4.0));
  for (int i = 0; i < 2000; i++) printf("%d %s\n", i, i % 100 ? "" : "hundred");
  fflush(stdout);
  write(1, "raw\n", 4);
  fprintf(stderr, "error\n");
  char *big = malloc(100000);
  memset(big, 'z', 99999);
  big[99999] = 0;
  printf("%s\n", big);
  return verbose;
}
