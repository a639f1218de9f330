/* Linked lists walked in an order that memory does not have: one dependent load after the other. */
#include "corpus.h"

#define COUNT 4096

typedef struct Node {
  struct Node *next;
  u32 value, unused[5];
} Node;

static Node nodes[COUNT];
static u32 order[COUNT];

i64 run(i32 n) {
  u32 random = 41;
  for (u32 i = 0; i < COUNT; i++) order[i] = i;
  for (u32 i = COUNT - 1; i > 0; i--) {
    u32 other = next_random(&random) % (i + 1), held = order[i];
    order[i] = order[other];
    order[other] = held;
  }
  for (u32 i = 0; i < COUNT; i++) {
    nodes[order[i]].next = i + 1 < COUNT ? &nodes[order[i + 1]] : NULL;
    nodes[order[i]].value = i;
  }
  u64 sum = 0;
  for (i32 round = 0; round < n; round++) {
    u32 seen = 0;
    for (Node *node = &nodes[order[0]]; node != NULL; node = node->next) {
      seen += node->value;
      node->value ^= 1;
    }
    sum = mix(sum, seen);
  }
  return sum;
}
