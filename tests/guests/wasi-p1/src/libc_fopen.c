// The modes of fopen: what must be there, what is created or emptied, where reads and writes happen.
#include "files.h"

static bool can_open(const char *path, const char *mode) {
  FILE *file = fopen(path, mode);
  if (file == NULL) return false;
  CHECK_EQ(fclose(file), 0);
  return true;
}

static void missing_files(void) {
  CHECK_FAILS(can_open("missing", "r") - 1, ENOENT);
  CHECK_FAILS(can_open("missing", "r+") - 1, ENOENT);
  CHECK(can_open("w", "w") && exists("w"));
  CHECK(can_open("a", "a") && exists("a"));
  CHECK(can_open("w+", "w+") && exists("w+"));
  CHECK(can_open("a+", "a+") && exists("a+"));
}

static void existing_files(void) {
  make_file("file", "0123456789");
  CHECK(can_open("file", "r") && can_open("file", "r+") && can_open("file", "a") && can_open("file", "a+"));
  CHECK_FILE("file", "0123456789");
  CHECK(can_open("file", "w"));
  CHECK_FILE("file", "");
  CHECK_FAILS(can_open("file", "wx") - 1, EEXIST);
  CHECK(can_open("exclusive", "wx"));
}

static void reading_and_writing(void) {
  make_file("file", "0123456789");
  FILE *file = fopen("file", "r+");
  if (!CHECK(file != NULL)) return;
  char buffer[16];
  CHECK_EQ(fread(buffer, 1, 3, file), 3);
  CHECK_EQ(fseek(file, 0, SEEK_CUR), 0);
  CHECK(fputs("abc", file) >= 0);
  CHECK_EQ(ftell(file), 6);
  rewind(file);
  CHECK_EQ(fread(buffer, 1, sizeof buffer, file), 10);
  CHECK_TEXT(buffer, 10, "012abc6789");
  CHECK(feof(file));
  CHECK_EQ(fclose(file), 0);
}

static void appending(void) {
  make_file("file", "abc");
  FILE *file = fopen("file", "a+");
  if (!CHECK(file != NULL)) return;
  CHECK_EQ(fputc('d', file), 'd');
  rewind(file);
  CHECK_EQ(fgetc(file), 'a');
  CHECK_EQ(fseek(file, 0, SEEK_SET), 0);
  CHECK_EQ(fputc('e', file), 'e');
  CHECK_EQ(fclose(file), 0);
  CHECK_FILE("file", "abcde");
}

static void wrong_direction(void) {
  FILE *file = fopen("file", "r");
  CHECK_EQ(fputc('x', file), EOF);
  CHECK(ferror(file));
  fclose(file);
  file = fopen("file", "w");
  CHECK_EQ(fgetc(file), EOF);
  CHECK(ferror(file));
  fclose(file);
}

static void directories(void) {
  make_dir("dir");
  CHECK_FAILS(can_open("dir", "w") - 1, EISDIR);
  CHECK_FAILS(can_open("dir", "r+") - 1, EISDIR);
  CHECK_FAILS(can_open("file/x", "r") - 1, ENOTDIR);
}

int main(void) {
  RUN(missing_files);
  RUN(existing_files);
  RUN(reading_and_writing);
  RUN(appending);
  RUN(wrong_direction);
  RUN(directories);
  return report();
}
