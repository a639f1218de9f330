// The interface before preview 1, `wasi_unstable`: the same functions, with other numbers for the bases of fd_seek and
// other layouts of $filestat and $subscription.
#include "wasi.h"

#define OLD(name, ...) \
  __attribute__((import_module("wasi_unstable"), import_name(#name))) int32_t old_##name(__VA_ARGS__)

OLD(args_sizes_get, uint32_t *count, uint32_t *size);
OLD(clock_time_get, uint32_t id, uint64_t precision, uint64_t *time);
OLD(fd_seek, int32_t fd, int64_t offset, uint32_t whence, uint64_t *position);
OLD(fd_tell, int32_t fd, uint64_t *position);
OLD(fd_write, int32_t fd, const __wasi_ciovec_t *iovs, uint32_t count, uint32_t *written);
OLD(fd_filestat_get, int32_t fd, void *stat);
OLD(path_filestat_get, int32_t fd, uint32_t lookup, const char *path, uint32_t len, void *stat);
OLD(poll_oneoff, const void *subscriptions, void *events, uint32_t count, uint32_t *stored);

typedef struct {
  uint64_t dev, ino;
  uint8_t filetype;
  uint32_t nlink;
  uint64_t size, atim, mtim, ctim;
} OldFilestat;
_Static_assert(sizeof(OldFilestat) == 56, "as in the witx file");

typedef struct {
  uint64_t userdata;
  uint8_t tag;
  union {
    struct {
      uint64_t identifier;
      uint32_t id;
      uint64_t timeout, precision;
      uint16_t flags;
    } clock;
    struct {
      uint32_t fd;
    } fd;
  } u;
} OldSubscription;
_Static_assert(sizeof(OldSubscription) == 56, "as in the witx file");

enum { OLD_CUR, OLD_END, OLD_SET };

static void seeking(void) {
  Fd fd = new_file("file", "0123456789");
  uint64_t at = 0;
  CHECK_OK(old_fd_seek(fd, 3, OLD_SET, &at));
  CHECK_EQ(at, 3);
  CHECK_OK(old_fd_seek(fd, 2, OLD_CUR, &at));
  CHECK_EQ(at, 5);
  CHECK_OK(old_fd_seek(fd, -1, OLD_END, &at));
  CHECK_EQ(at, 9);
  CHECK_OK(old_fd_tell(fd, &at));
  CHECK_EQ(at, 9);
  CHECK_ERRNO(old_fd_seek(fd, 0, 3, &at), E(INVAL));
  CHECK_OK(__wasi_fd_close(fd));
}

static void check_attributes(const OldFilestat *stat) {
  CHECK_EQ(stat->filetype, __WASI_FILETYPE_REGULAR_FILE);
  CHECK_EQ(stat->nlink, 2);
  CHECK_EQ(stat->size, 10);
  CHECK_EQ(stat->ino, inode_of("file"));
  CHECK_EQ(stat->mtim, UINT64_C(1222222222987654321));
}

static void attributes(void) {
  struct {
    OldFilestat stat;
    uint64_t after;
  } result = {.after = 7};
  Fd fd = new_file("file", "0123456789");
  REQUIRE(__wasi_path_link(ROOT, 0, "file", ROOT, "second"));
  REQUIRE(__wasi_fd_filestat_set_times(fd, 0, UINT64_C(1222222222987654321), __WASI_FSTFLAGS_MTIM));
  CHECK_OK(old_fd_filestat_get(fd, &result.stat));
  check_attributes(&result.stat);
  memset(&result.stat, 0xff, sizeof result.stat);
  CHECK_OK(old_path_filestat_get(ROOT, FOLLOW, "second", 6, &result.stat));
  check_attributes(&result.stat);
  CHECK_EQ(result.after, 7);
  CHECK_OK(__wasi_fd_close(fd));
}

static void waiting(void) {
  __wasi_event_t event;
  uint32_t stored = 0;
  OldSubscription clock = {.userdata = 11, .tag = 0, .u.clock = {.identifier = 5, .id = 1, .timeout = 20000000}};
  uint64_t start, end;
  CHECK_OK(old_clock_time_get(1, 1, &start));
  CHECK_OK(old_poll_oneoff(&clock, &event, 1, &stored));
  CHECK_OK(old_clock_time_get(1, 1, &end));
  CHECK(end - start >= 20000000);
  CHECK_EQ(stored, 1);
  CHECK_EQ(event.userdata, 11);
  CHECK_EQ(event.error, 0);
  CHECK_EQ(event.type, __WASI_EVENTTYPE_CLOCK);

  Fd fd = new_file("file", "abc");
  OldSubscription both[2] = {
      {.userdata = 1, .tag = 0, .u.clock = {.id = 1, .timeout = UINT64_C(3600000000000)}},
      {.userdata = 2, .tag = 1, .u.fd = {(uint32_t)fd}},
  };
  __wasi_event_t events[2];
  CHECK_OK(old_poll_oneoff(both, events, 2, &stored));
  CHECK_EQ(stored, 1);
  CHECK_EQ(events[0].userdata, 2);
  CHECK_EQ(events[0].error, 0);
  CHECK_OK(__wasi_fd_close(fd));
}

// Both interfaces have the same descriptors.
static void the_rest_is_the_same(void) {
  uint32_t count = 0, size = 0;
  CHECK_OK(old_args_sizes_get(&count, &size));
  CHECK_EQ(count, 1);
  Fd fd = new_file("file", "");
  __wasi_ciovec_t iov = {(const uint8_t *)"abc", 3};
  uint32_t written = 0;
  CHECK_OK(old_fd_write(fd, &iov, 1, &written));
  CHECK_EQ(written, 3);
  CHECK_ERRNO(old_fd_write(1000, &iov, 1, &written), E(BADF));
  CHECK_OK(__wasi_fd_close(fd));
  CHECK_FILE("file", "abc");
}

int main(void) {
  RUN(seeking);
  RUN(attributes);
  RUN(waiting);
  RUN(the_rest_is_the_same);
  return report();
}
