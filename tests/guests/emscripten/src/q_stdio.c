// Streams beyond the simple: buffers, reopening, temporary files, lines.
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <wchar.h>

int main(void) {
  char buffer[256];
  FILE *f = fopen("/tmp/buf", "w");
  setvbuf(f, buffer, _IOFBF, sizeof buffer);
  fprintf(f, "held back");
  FILE *r = fopen("/tmp/buf", "r");
  printf("before flush %d\n", fgetc(r) == EOF);
  fflush(f);
  clearerr(r);
  printf("after flush %c\n", fgetc(r));
  fclose(f);
  fclose(r);
  f = fopen("/tmp/lines", "w+");
  fputs("short\n\na longer line of text\nno end", f);
  rewind(f);
  char *line = NULL;
  size_t room = 0;
  ssize_t n;
  while ((n = getline(&line, &room, f)) > 0) printf("%d:%s%s", (int)n, line, line[n - 1] == '\n' ? "" : "|\n");
  free(line);
  fclose(f);
  char name[] = "/tmp/tmpXXXXXX";
  int fd = mkstemp(name);
  printf("mkstemp %d %d\n", fd >= 0, strncmp(name, "/tmp/tmp", 8) == 0);
  f = fdopen(fd, "r+");
  fprintf(f, "%d %s", 12, "words");
  fseek(f, 0, SEEK_SET);
  int v; char w[16];
  printf("fscanf %d", fscanf(f, "%d %15s", &v, w));
  printf(" %d %s\n", v, w);
  fclose(f);
  char dir[] = "/tmp/dirXXXXXX";
  printf("mkdtemp %d\n", mkdtemp(dir) != NULL);
  dprintf(1, "dprintf %d\n", 5);
  char *mem; size_t size;
  f = open_memstream(&mem, &size);
  fprintf(f, "in memory %d", 7);
  fclose(f);
  printf("%s %zu\n", mem, size);
  free(mem);
  f = fmemopen("read from memory", 16, "r");
  printf("%d\n", fscanf(f, "%15s", w)); printf("%s\n", w);
  fclose(f);
  printf("bad mode %d\n", fopen("/tmp/x", "q") == NULL && errno == EINVAL);
  printf("remove dir %d\n", remove(dir));
  FILE *out = freopen("/tmp/redirected", "w", stdout);
  printf("into the file\n");
  fclose(out);
  fd = open("/tmp/redirected", O_RDONLY);
  n = read(fd, buffer, sizeof buffer);
  fprintf(stderr, "%.*s", (int)n, buffer);
  return n == 14 ? 0 : 1;
}
