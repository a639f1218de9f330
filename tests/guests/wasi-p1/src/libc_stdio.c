// Streams with and without buffers: ungetc, fseek, setvbuf, scanning.
#include "files.h"

static void back_and_forth(void) {
  make_file("file", "12 34 word\nsecond line\n");
  FILE *file = fopen("file", "r");
  int a, b;
  char word[16];
  CHECK_EQ(fscanf(file, "%d %d %15s", &a, &b, word), 3);
  CHECK(a == 12 && b == 34 && strcmp(word, "word") == 0);
  CHECK_EQ(fgetc(file), '\n');
  CHECK_EQ(ungetc('X', file), 'X');
  char line[32];
  CHECK(fgets(line, sizeof line, file) != NULL);
  CHECK_EQ(strcmp(line, "Xsecond line\n"), 0);
  CHECK_EQ(fgetc(file), EOF);
  CHECK(feof(file));
  CHECK_EQ(fseek(file, 3, SEEK_SET), 0);
  CHECK(!feof(file));
  CHECK_EQ(fgetc(file), '3');
  CHECK_EQ(ftell(file), 4);
  CHECK_EQ(fseek(file, -5, SEEK_END), 0);
  CHECK(fgets(line, sizeof line, file) != NULL);
  CHECK_EQ(strcmp(line, "line\n"), 0);
  CHECK_EQ(fclose(file), 0);
}

static void buffers(void) {
  FILE *file = fopen("file", "w");
  CHECK_EQ(setvbuf(file, NULL, _IOFBF, 4096), 0);
  CHECK(fputs("buffered", file) >= 0);
  CHECK_EQ(size_of("file"), 0);
  CHECK_EQ(fflush(file), 0);
  CHECK_EQ(size_of("file"), 8);
  CHECK_EQ(fclose(file), 0);
  file = fopen("file", "w");
  CHECK_EQ(setvbuf(file, NULL, _IONBF, 0), 0);
  CHECK_EQ(fputc('x', file), 'x');
  CHECK_EQ(size_of("file"), 1);
  CHECK_EQ(fclose(file), 0);
}

static void large(void) {
  FILE *file = fopen("file", "w+");
  for (int i = 0; i < 20000; i++) CHECK(fprintf(file, "%05d\n", i) == 6);
  for (int i = 19999; i >= 0; i -= 777) {
    char line[16];
    CHECK_EQ(fseek(file, 6L * i, SEEK_SET), 0);
    CHECK(fgets(line, sizeof line, file) != NULL);
    CHECK_EQ(atoi(line), i);
  }
  CHECK_EQ(fclose(file), 0);
  CHECK_EQ(size_of("file"), 120000);
}

int main(void) {
  RUN(back_and_forth);
  RUN(buffers);
  RUN(large);
  return report();
}
