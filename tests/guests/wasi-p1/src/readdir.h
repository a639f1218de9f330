// Reading directories: entries one by one from a buffer.
#pragma once

#include "wasi.h"

typedef struct {
  __wasi_dirent_t dirent;
  char name[256];
} Entry;

// The entry at `at`, which moves behind it; false when the buffer ends before it does.
static inline bool next_entry(const uint8_t *buffer, size_t len, size_t *at, Entry *entry) {
  if (len - *at < sizeof entry->dirent) return false;
  memcpy(&entry->dirent, buffer + *at, sizeof entry->dirent);
  size_t name_len = entry->dirent.d_namlen;
  if (!CHECK(name_len > 0 && name_len < sizeof entry->name)) _Exit(1);
  if (len - *at - sizeof entry->dirent < name_len) return false;
  memcpy(entry->name, buffer + *at + sizeof entry->dirent, name_len);
  entry->name[name_len] = 0;
  *at += sizeof entry->dirent + name_len;
  return true;
}

// Up to `max` entries from `cookie` on, read with a buffer of `buffer_len` bytes, which must hold the longest entry.
static inline size_t list(Fd dir, size_t buffer_len, __wasi_dircookie_t cookie, Entry *entries, size_t max) {
  static uint8_t buffer[65536];
  size_t count = 0;
  for (;;) {
    __wasi_size_t used = 0;
    REQUIRE(__wasi_fd_readdir(dir, buffer, buffer_len, cookie, &used));
    if (!CHECK(used <= buffer_len)) _Exit(1);
    size_t at = 0, before = count;
    while (count < max && next_entry(buffer, used, &at, &entries[count])) cookie = entries[count++].dirent.d_next;
    if (used < buffer_len || count == max) return count;
    // A full buffer that does not hold one entry is too small.
    if (!CHECK(count > before)) _Exit(1);
  }
}

static inline const Entry *find(const Entry *entries, size_t count, const char *name) {
  const Entry *found = NULL;
  for (size_t i = 0; i < count; i++) {
    if (strcmp(entries[i].name, name) != 0) continue;
    CHECK(found == NULL);
    found = &entries[i];
  }
  return found;
}

// `prefix` and the number.
static inline const char *numbered(const char *prefix, int number) {
  static char name[32];
  size_t len = strlen(prefix);
  memcpy(name, prefix, len);
  for (int digit = 100; digit > 0; digit /= 10) name[len++] = (char)('0' + number / digit % 10);
  name[len] = 0;
  return name;
}
