/* A hash table with open addressing that grows: scattered loads, 64-bit multiplication. */
#include "corpus.h"

typedef struct {
  u64 key;
  u32 value, used;
} Entry;

typedef struct {
  Entry *entries;
  u32 capacity, count;
} Map;

static Entry *slot(Map *map, u64 key) {
  u64 hash = key * 0x9e3779b97f4a7c15u;
  for (u32 i = hash >> 40;; i++) {
    Entry *entry = &map->entries[i & (map->capacity - 1)];
    if (!entry->used || entry->key == key) return entry;
  }
}

static void grow(Map *map) {
  Map larger = {calloc(map->capacity * 2, sizeof(Entry)), map->capacity * 2, map->count};
  for (u32 i = 0; i < map->capacity; i++)
    if (map->entries[i].used) *slot(&larger, map->entries[i].key) = map->entries[i];
  free(map->entries);
  *map = larger;
}

static void add(Map *map, u64 key, u32 value) {
  Entry *entry = slot(map, key);
  if (!entry->used) {
    if (++map->count * 4 > map->capacity * 3) {
      grow(map);
      entry = slot(map, key);
    }
    entry->key = key;
    entry->used = 1;
    entry->value = 0;
  }
  entry->value += value;
}

i64 run(i32 n) {
  Map map = {calloc(16, sizeof(Entry)), 16, 0};
  u32 random = 29;
  for (i32 i = 0; i < n; i++) add(&map, next_random(&random) % 50000 * 977ull, i);
  u64 sum = map.count;
  for (i32 i = 0; i < n; i++) {
    Entry *entry = slot(&map, next_random(&random) % 100000 * 977ull);
    sum = mix(sum, entry->used ? entry->value : 1);
  }
  free(map.entries);
  return sum;
}
