/* A regular expression matcher: patterns compiled to a small program, all of whose threads are run in step over the
 * text (Thompson's construction). */
#include "corpus.h"

typedef enum { CHAR, ANY, CLASS, SPLIT, JUMP, MATCH } Op;

typedef struct {
  Op op;
  i32 a, b;
} Step;

typedef struct {
  i32 count, places[128];
} Threads;

static Step program[128];
static i32 size;
static const char *at;
static u32 mark, marks[128];

static i32 emit(Op op, i32 a, i32 b) {
  program[size] = (Step){op, a, b};
  return size++;
}

/* Makes room for one step before those from `start` on; none of them refers to a place before it. */
static void insert(i32 start) {
  for (i32 i = size++; i > start; i--) {
    program[i] = program[i - 1];
    if (program[i].op == SPLIT || program[i].op == JUMP) program[i].a++;
    if (program[i].op == SPLIT) program[i].b++;
  }
}

static void alternatives(void);

static void atom(void) {
  char c = *at++;
  if (c == '(') {
    alternatives();
    at++;
  } else if (c == '.') {
    emit(ANY, 0, 0);
  } else if (c == '[') {
    emit(CLASS, at[0], at[2]);
    at += 4;
  } else {
    emit(CHAR, c, 0);
  }
}

static void sequence(void) {
  while (*at && *at != '|' && *at != ')') {
    i32 start = size;
    atom();
    if (*at == '*' || *at == '?') {
      insert(start);
      if (*at == '*') emit(JUMP, start, 0);
      program[start] = (Step){SPLIT, start + 1, size};
      at++;
    } else if (*at == '+') {
      emit(SPLIT, start, size + 1);
      at++;
    }
  }
}

static void alternatives(void) {
  i32 start = size;
  sequence();
  if (*at != '|') return;
  at++;
  insert(start);
  i32 jump = emit(JUMP, 0, 0);
  program[start] = (Step){SPLIT, start + 1, size};
  alternatives();
  program[jump].a = size;
}

static void add(Threads *threads, i32 place) {
  if (marks[place] == mark) return;
  marks[place] = mark;
  const Step *step = &program[place];
  if (step->op == JUMP) {
    add(threads, step->a);
  } else if (step->op == SPLIT) {
    add(threads, step->a);
    add(threads, step->b);
  } else {
    threads->places[threads->count++] = place;
  }
}

/* Counts the places in the text at which a match ends. */
static u32 matches(const char *text, i32 length) {
  static Threads lists[2];
  Threads *now = &lists[0], *next = &lists[1];
  u32 found = 0;
  now->count = 0;
  mark++;
  for (i32 i = 0; i <= length; i++) {
    add(now, 0);
    mark++;
    next->count = 0;
    char c = i < length ? text[i] : 0;
    for (i32 t = 0; t < now->count; t++) {
      i32 place = now->places[t];
      const Step *step = &program[place];
      switch (step->op) {
      case CHAR: if (c == step->a) add(next, place + 1); break;
      case ANY: if (c != 0) add(next, place + 1); break;
      case CLASS: if (c >= step->a && c <= step->b) add(next, place + 1); break;
      default: found++;
      }
    }
    Threads *swapped = now;
    now = next;
    next = swapped;
  }
  return found;
}

static char text[4096];

i64 run(i32 n) {
  static const char *const patterns[] = {
      "[a-f]+(gh|ij)*k?x", "(ab|cd|ef)+g", "a.b.c.d", "[0-9]+.[0-9][0-9]", "(a?b?c?d?)+hg",
  };
  u32 random = 43;
  for (i32 i = 0; i < (i32)sizeof text; i++)
    text[i] = "abcdefghijklx0123456789"[next_random(&random) % 23];
  u64 sum = 0;
  for (i32 round = 0; round < n; round++) {
    size = 0;
    at = patterns[round % 5];
    alternatives();
    emit(MATCH, 0, 0);
    sum = mix(sum, matches(text, sizeof text));
    text[round * 7 % sizeof text] = 'a' + round % 8;
  }
  return sum;
}
