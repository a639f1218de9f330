/* Ackermann's function: deep recursion, stack pages. */
#include "corpus.h"

NOINLINE static u32 ackermann(u32 m, u32 n) {
  if (m == 0) return n + 1;
  if (n == 0) return ackermann(m - 1, 1);
  return ackermann(m - 1, ackermann(m, n - 1));
}

i64 run(i32 n) {
  u64 sum = 0;
  for (i32 i = 0; i < n; i++) sum = mix(sum, ackermann(2 + (i & 1), 6));
  return sum;
}
