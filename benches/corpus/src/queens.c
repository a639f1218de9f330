/* Ways to place `n` queens, by bit sets: recursion with little in it. */
#include "corpus.h"

static u32 place(u32 all, u32 columns, u32 left, u32 right) {
  if (columns == all) return 1;
  u32 count = 0;
  for (u32 open = all & ~(columns | left | right); open != 0; open &= open - 1) {
    u32 queen = open & -open;
    count += place(all, columns | queen, (left | queen) << 1, (right | queen) >> 1);
  }
  return count;
}

i64 run(i32 n) { return place((1u << n) - 1, 0, 0, 0); }
