/* Quicksort of records whose order is a function that the caller passes: calls through the table. */
#include "corpus.h"

#define COUNT 10000

typedef struct {
  u32 key, other;
} Record;

typedef i32 (*Compare)(const Record *, const Record *);

static Record records[COUNT];

static i32 by_key(const Record *a, const Record *b) { return (a->key > b->key) - (a->key < b->key); }
static i32 by_key_down(const Record *a, const Record *b) { return by_key(b, a); }
static i32 by_other(const Record *a, const Record *b) {
  return a->other == b->other ? by_key(a, b) : a->other < b->other ? -1 : 1;
}

/* Where the compiler cannot know which one is called. */
static Compare volatile orders[3] = {by_key, by_key_down, by_other};

NOINLINE static void sort(Record *low, Record *high, Compare compare) {
  while (high - low > 1) {
    Record pivot = low[(high - low - 1) / 2], *i = low - 1, *k = high;
    for (;;) {
      do i++;
      while (compare(i, &pivot) < 0);
      do k--;
      while (compare(k, &pivot) > 0);
      if (i >= k) break;
      Record swapped = *i;
      *i = *k;
      *k = swapped;
    }
    k++;
    if (k - low < high - k) {
      sort(low, k, compare);
      low = k;
    } else {
      sort(k, high, compare);
      high = k;
    }
  }
}

i64 run(i32 n) {
  u32 random = 37;
  u64 sum = 0;
  for (i32 round = 0; round < n; round++) {
    for (i32 i = 0; i < COUNT; i++) {
      records[i].key = next_random(&random);
      records[i].other = next_random(&random) % 100;
    }
    sort(records, records + COUNT, orders[round % 3]);
    for (i32 i = 0; i < COUNT; i += 100) sum = mix(sum, records[i].key);
  }
  return sum;
}
