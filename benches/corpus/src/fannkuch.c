/* Flips of pancakes over all permutations of `n`: small arrays, short unpredictable loops. */
#include "corpus.h"

i64 run(i32 n) {
  i32 permutation[16], work[16], count[16];
  i32 most = 0, checksum = 0, parity = 0, r = n;
  for (i32 i = 0; i < n; i++) permutation[i] = i;
  for (;;) {
    for (; r != 1; r--) count[r - 1] = r;
    for (i32 i = 0; i < n; i++) work[i] = permutation[i];
    i32 flips = 0, first;
    while ((first = work[0]) != 0) {
      for (i32 low = 0, high = first; low < high; low++, high--) {
        i32 swapped = work[low];
        work[low] = work[high];
        work[high] = swapped;
      }
      flips++;
    }
    if (flips > most) most = flips;
    checksum += parity ? -flips : flips;
    for (;;) {
      if (r == n) return mix(most, (u32)checksum);
      i32 head = permutation[0];
      for (i32 i = 0; i < r; i++) permutation[i] = permutation[i + 1];
      permutation[r] = head;
      if (--count[r] > 0) break;
      r++;
    }
    parity ^= 1;
  }
}
