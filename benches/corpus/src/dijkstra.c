/* Shortest ways in a grid of random weights, with a binary heap. */
#include "corpus.h"

#define SIZE 64
#define NODES (SIZE * SIZE)

typedef struct {
  u32 distance, node;
} Item;

static u8 weights[NODES];
static u32 distances[NODES];
static Item heap[NODES * 4];
static u32 count;

static void push(Item item) {
  u32 at = count++;
  for (; at > 0 && heap[(at - 1) / 2].distance > item.distance; at = (at - 1) / 2) heap[at] = heap[(at - 1) / 2];
  heap[at] = item;
}

static Item pop(void) {
  Item least = heap[0], last = heap[--count];
  u32 at = 0;
  for (u32 child; (child = 2 * at + 1) < count; at = child) {
    if (child + 1 < count && heap[child + 1].distance < heap[child].distance) child++;
    if (heap[child].distance >= last.distance) break;
    heap[at] = heap[child];
  }
  heap[at] = last;
  return least;
}

static void reach(u32 node, u32 distance) {
  distance += weights[node];
  if (distance >= distances[node]) return;
  distances[node] = distance;
  push((Item){distance, node});
}

i64 run(i32 n) {
  u32 random = 83;
  for (i32 i = 0; i < NODES; i++) weights[i] = 1 + next_random(&random) % 200;
  u64 sum = 0;
  for (i32 round = 0; round < n; round++) {
    memset(distances, 0xff, sizeof distances);
    u32 start = next_random(&random) % NODES;
    count = 0;
    distances[start] = 0;
    push((Item){0, start});
    while (count > 0) {
      Item item = pop();
      if (item.distance > distances[item.node]) continue;
      u32 x = item.node % SIZE, y = item.node / SIZE;
      if (x > 0) reach(item.node - 1, item.distance);
      if (x < SIZE - 1) reach(item.node + 1, item.distance);
      if (y > 0) reach(item.node - SIZE, item.distance);
      if (y < SIZE - 1) reach(item.node + SIZE, item.distance);
    }
    for (i32 i = 0; i < NODES; i += 61) sum = mix(sum, distances[i]);
  }
  return sum;
}
