/* Counts lines, words and bytes of files, and shows the most frequent words.
 *
 *   wordcount [-n COUNT] [FILE...]
 *
 * `-` is standard input. Without a file it reads a text of its own, so that it shows something anywhere.
 * A word is a run of letters, digits and apostrophes; case does not matter. */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char sample[] =
    "The Palisade\n"
    "\n"
    "A palisade is a wall of stakes. Inside the wall people work, keep their stores and go about\n"
    "their trades; what is outside stays outside until somebody opens the gate. The wall does not\n"
    "make the work slower: whoever stays inside never touches it. Only those who walk into the\n"
    "wall learn that it is there.\n"
    "\n"
    "A runtime for foreign code is such a wall. The code inside has its own memory and its own\n"
    "functions, and it runs at the speed of the machine. The gate is opened by the host, one\n"
    "function at a time, and the host decides who may pass and what they may carry.\n";

struct word {
  struct word *next;
  unsigned long count;
  char text[];
};

struct counts {
  unsigned long lines, words, bytes;
};

static struct word **buckets;
static size_t bucket_count, distinct;

static void *checked(void *memory) {
  if (!memory) {
    fputs("wordcount: out of memory\n", stderr);
    exit(2);
  }
  return memory;
}

static unsigned hash(const char *text) {
  unsigned h = 2166136261u;
  while (*text) h = (h ^ (unsigned char)*text++) * 16777619u;
  return h;
}

/* Doubles the table, so that lists stay short. */
static void grow(void) {
  size_t count = bucket_count ? 2 * bucket_count : 64;
  struct word **larger = checked(calloc(count, sizeof *larger));
  for (size_t i = 0; i < bucket_count; i++) {
    for (struct word *w = buckets[i], *next; w; w = next) {
      struct word **place = &larger[hash(w->text) & (count - 1)];
      next = w->next;
      w->next = *place;
      *place = w;
    }
  }
  free(buckets);
  buckets = larger;
  bucket_count = count;
}

static void add(const char *text, size_t length) {
  if (distinct >= bucket_count) grow();
  struct word **place = &buckets[hash(text) & (bucket_count - 1)];
  for (struct word *w = *place; w; w = w->next) {
    if (strcmp(w->text, text) == 0) {
      w->count++;
      return;
    }
  }
  struct word *w = checked(malloc(sizeof *w + length + 1));
  memcpy(w->text, text, length + 1);
  w->count = 1;
  w->next = *place;
  *place = w;
  distinct++;
}

static struct counts count(FILE *in) {
  struct counts c = {0, 0, 0};
  size_t length = 0, capacity = 32;
  char *text = checked(malloc(capacity));
  for (int ch = 0; ch != EOF;) {
    ch = getc(in);
    if (ch != EOF) c.bytes++;
    if (ch == '\n') c.lines++;
    if (ch != EOF && (isalnum(ch) || (ch == '\'' && length > 0))) {
      if (length + 1 == capacity) text = checked(realloc(text, capacity *= 2));
      text[length++] = (char)tolower(ch);
    } else if (length > 0) {
      text[length] = 0;
      add(text, length);
      c.words++;
      length = 0;
    }
  }
  free(text);
  return c;
}

static void print(struct counts c, const char *name) {
  printf("%7lu lines %7lu words %8lu bytes  %s\n", c.lines, c.words, c.bytes, name);
}

static int by_count(const void *left, const void *right) {
  const struct word *a = *(struct word *const *)left, *b = *(struct word *const *)right;
  if (a->count != b->count) return a->count < b->count ? 1 : -1;
  return strcmp(a->text, b->text);
}

static void print_most_frequent(size_t wanted) {
  struct word **all = checked(malloc((distinct + 1) * sizeof *all));
  size_t n = 0;
  for (size_t i = 0; i < bucket_count; i++)
    for (struct word *w = buckets[i]; w; w = w->next) all[n++] = w;
  qsort(all, n, sizeof *all, by_count);
  if (wanted > n) wanted = n;
  printf("%zu distinct words; the %zu most frequent:\n", n, wanted);
  for (size_t i = 0; i < wanted; i++) printf("%7lu  %s\n", all[i]->count, all[i]->text);
  free(all);
}

/* 1 if it cannot be read. */
static int count_file(const char *name, struct counts *total) {
  int standard = strcmp(name, "-") == 0;
  FILE *in = standard ? stdin : fopen(name, "r");
  if (!in) {
    fprintf(stderr, "wordcount: %s: %s\n", name, strerror(errno));
    return 1;
  }
  struct counts c = count(in);
  int failed = ferror(in);
  if (failed) fprintf(stderr, "wordcount: %s: %s\n", name, strerror(errno));
  if (!standard) fclose(in);
  print(c, name);
  total->lines += c.lines;
  total->words += c.words;
  total->bytes += c.bytes;
  return failed != 0;
}

int main(int argc, char **argv) {
  size_t wanted = 10;
  int first = 1, status = 0;
  if (argc > 2 && strcmp(argv[1], "-n") == 0) {
    wanted = strtoul(argv[2], NULL, 10);
    first = 3;
  }
  if (first < argc) {
    struct counts total = {0, 0, 0};
    for (int i = first; i < argc; i++) status |= count_file(argv[i], &total);
    if (argc - first > 1) print(total, "total");
  } else {
    FILE *in = checked(fmemopen((void *)sample, sizeof sample - 1, "r"));
    print(count(in), "(sample text; name a file to count that)");
    fclose(in);
  }
  print_most_frequent(wanted);
  return status;
}
