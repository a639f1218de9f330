// Reading, writing, seeking, truncating.
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

static void show(const char *path) {
  char buf[64];
  int fd = open(path, O_RDONLY);
  int n = read(fd, buf, sizeof buf);
  printf("%s %d [", path, n);
  for (int i = 0; i < n; i++) putchar(buf[i] ? buf[i] : '.');
  printf("]\n");
  close(fd);
}

int main(void) {
  int fd = open("/tmp/a", O_CREAT | O_RDWR, 0644);
  struct iovec v[3] = {{"one ", 4}, {"", 0}, {"two", 3}};
  printf("writev %d\n", (int)writev(fd, v, 3));
  printf("pos %d\n", (int)lseek(fd, 0, SEEK_CUR));
  lseek(fd, 10, SEEK_SET);
  write(fd, "far", 3);
  show("/tmp/a");
  printf("pwrite %d\n", (int)pwrite(fd, "ONE", 3, 0));
  char b[8] = {0};
  printf("pread %d %s\n", (int)pread(fd, b, 3, 4), b);
  printf("pos %d\n", (int)lseek(fd, 0, SEEK_CUR));
  ftruncate(fd, 5);
  show("/tmp/a");
  truncate("/tmp/a", 8);
  show("/tmp/a");
  close(fd);

  fd = open("/tmp/a", O_WRONLY | O_APPEND);
  write(fd, "x", 1);
  lseek(fd, 0, SEEK_SET);
  write(fd, "y", 1);
  close(fd);
  show("/tmp/a");
  fd = open("/tmp/a", O_WRONLY | O_TRUNC);
  close(fd);
  show("/tmp/a");

  FILE *f = fopen("/tmp/b", "w+");
  for (int i = 0; i < 5; i++) fprintf(f, "line %d\n", i);
  fseek(f, 7, SEEK_SET);
  char line[32];
  printf("%s", fgets(line, sizeof line, f));
  fseek(f, -7, SEEK_END);
  printf("%s", fgets(line, sizeof line, f));
  printf("eof %d %d\n", fgets(line, sizeof line, f) == NULL, feof(f) != 0);
  rewind(f);
  printf("ungetc %c%c\n", ungetc('Z', f), fgetc(f));
  fclose(f);
  f = fopen("/tmp/b", "a");
  printf("append at %ld\n", (fprintf(f, "end\n"), ftell(f)));
  fclose(f);
  struct stat st;
  stat("/tmp/b", &st);
  printf("size %d\n", (int)st.st_size);
  f = fopen("/tmp/b", "r+b");
  fputs("LINE", f);
  fclose(f);
  show("/tmp/b");
  f = tmpfile();
  printf("tmpfile %d\n", f != NULL);
  if (f) { fputs("abc", f); rewind(f); printf("%c\n", fgetc(f)); fclose(f); }
  // A file that is gone stays readable as long as it is open.
  fd = open("/tmp/a", O_RDWR);
  write(fd, "gone", 4);
  unlink("/tmp/a");
  lseek(fd, 0, SEEK_SET);
  memset(b, 0, sizeof b);
  printf("after unlink %d %s, exists %d\n", (int)read(fd, b, 4), b, access("/tmp/a", F_OK) == 0);
  return 0;
}
