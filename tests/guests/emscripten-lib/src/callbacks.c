// Function pointers that the host fills, records with pointers, and a linked list.
#include <emscripten.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

EMSCRIPTEN_KEEPALIVE int apply(int (*f)(int), int x) { return f(x); }

EMSCRIPTEN_KEEPALIVE void sort(int *values, int count, int (*less)(const void *, const void *)) {
  qsort(values, count, sizeof *values, less);
}

EMSCRIPTEN_KEEPALIVE double fold(const double *values, int count, double (*f)(double, double)) {
  double sum = 0;
  for (int i = 0; i < count; i++) sum = f(sum, values[i]);
  return sum;
}

struct inner {
  int8_t a;
  int64_t b;
};

struct all {
  int8_t i8;
  uint8_t u8;
  int16_t i16;
  uint16_t u16;
  bool flag;
  int32_t i32;
  uint32_t u32;
  int64_t i64;
  uint64_t u64;
  float f32;
  double f64;
  struct inner inner;
  struct inner two[2];
  char name[5];
  struct all *next;
};

// What the host believes of the layout is compared with this.
EMSCRIPTEN_KEEPALIVE int layout(int field) {
  switch (field) {
    case 0: return offsetof(struct all, i8);
    case 1: return offsetof(struct all, u8);
    case 2: return offsetof(struct all, i16);
    case 3: return offsetof(struct all, u16);
    case 4: return offsetof(struct all, flag);
    case 5: return offsetof(struct all, i32);
    case 6: return offsetof(struct all, u32);
    case 7: return offsetof(struct all, i64);
    case 8: return offsetof(struct all, u64);
    case 9: return offsetof(struct all, f32);
    case 10: return offsetof(struct all, f64);
    case 11: return offsetof(struct all, inner);
    case 12: return offsetof(struct all, two);
    case 13: return offsetof(struct all, name);
    case 14: return offsetof(struct all, next);
    case 15: return sizeof(struct all);
    case 16: return _Alignof(struct all);
    default: return -1;
  }
}

// Changes every field to one more than it was, `flag` to its opposite.
EMSCRIPTEN_KEEPALIVE void change(struct all *r) {
  r->i8++, r->u8++, r->i16++, r->u16++, r->i32++, r->u32++, r->i64++, r->u64++;
  r->flag = !r->flag;
  r->f32 += 1, r->f64 += 1;
  r->inner.a++, r->inner.b++;
  for (int i = 0; i < 2; i++) r->two[i].a++, r->two[i].b++;
  for (int i = 0; i < 5; i++) r->name[i]++;
}

// A list of `count` records, the first of which has the largest `i32`.
EMSCRIPTEN_KEEPALIVE struct all *make_list(int count) {
  struct all *list = NULL;
  for (int i = 0; i < count; i++) {
    struct all *r = calloc(1, sizeof *r);
    if (!r) break;
    r->i32 = i, r->next = list, list = r;
  }
  return list;
}

EMSCRIPTEN_KEEPALIVE void free_list(struct all *list) {
  while (list) {
    struct all *next = list->next;
    free(list);
    list = next;
  }
}
