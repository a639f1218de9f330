/* Heapsort of numbers: unpredictable branches, indices that double. */
#include "corpus.h"

#define COUNT 20000
static u32 values[COUNT];

static void sift(u32 *heap, u32 at, u32 end) {
  u32 value = heap[at];
  for (u32 child; (child = 2 * at + 1) < end; at = child) {
    if (child + 1 < end && heap[child] < heap[child + 1]) child++;
    if (heap[child] <= value) break;
    heap[at] = heap[child];
  }
  heap[at] = value;
}

i64 run(i32 n) {
  u32 random = 31;
  u64 sum = 0;
  for (i32 round = 0; round < n; round++) {
    for (i32 i = 0; i < COUNT; i++) values[i] = next_random(&random);
    for (u32 i = COUNT / 2; i-- > 0;) sift(values, i, COUNT);
    for (u32 end = COUNT - 1; end > 0; end--) {
      u32 largest = values[0];
      values[0] = values[end];
      values[end] = largest;
      sift(values, 0, end);
    }
    for (i32 i = 0; i < COUNT; i += 100) sum = mix(sum, values[i]);
  }
  return sum;
}
