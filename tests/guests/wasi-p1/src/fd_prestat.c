// Preopened directories, in the order in which they were given: run with `names`.
#include "wasi.h"

static const char *const names[] = {"/", "second", "/a/long/name with spaces/é"};

static void one_after_the_other(void) {
  for (size_t i = 0; i < COUNT_OF(names); i++) {
    __wasi_prestat_t prestat = {.tag = 255};
    REQUIRE(__wasi_fd_prestat_get(ROOT + i, &prestat));
    CHECK_EQ(prestat.tag, __WASI_PREOPENTYPE_DIR);
    CHECK_EQ(prestat.u.dir.pr_name_len, strlen(names[i]));
    char name[64];
    memset(name, '.', sizeof name);
    CHECK_OK(__wasi_fd_prestat_dir_name(ROOT + i, (uint8_t *)name, prestat.u.dir.pr_name_len));
    CHECK_TEXT(name, prestat.u.dir.pr_name_len, names[i]);
    CHECK_EQ(name[prestat.u.dir.pr_name_len], '.');
  }
}

static void no_more(void) {
  __wasi_prestat_t prestat;
  CHECK_ERRNO(__wasi_fd_prestat_get(ROOT + COUNT_OF(names), &prestat), E(BADF));
}

static void streams_are_not(void) {
  __wasi_prestat_t prestat;
  uint8_t name[8];
  for (Fd fd = 0; fd < 3; fd++) {
    CHECK_ERRNO(__wasi_fd_prestat_get(fd, &prestat), E(BADF));
    CHECK_ERRNO(__wasi_fd_prestat_dir_name(fd, name, 8), E(BADF));
  }
}

static void opened_directories_are_not(void) {
  Fd dir = open_dir(".");
  __wasi_prestat_t prestat;
  uint8_t name[8];
  CHECK_ERRNO(__wasi_fd_prestat_get(dir, &prestat), E(BADF));
  CHECK_ERRNO(__wasi_fd_prestat_dir_name(dir, name, 8), E(BADF));
  CHECK_OK(__wasi_fd_close(dir));
}

static void names_too_long(void) {
  char name[8] = ".......";
  CHECK_ERRNO(__wasi_fd_prestat_dir_name(ROOT + 1, (uint8_t *)name, 5), E(NAMETOOLONG));
  CHECK_TEXT(name, 7, ".......");
}

// They are different directories.
static void each_its_own(void) {
  Fd fd = must_open(ROOT + 1, "file", O_CREATE, BOTH);
  CHECK_OK(__wasi_fd_close(fd));
  CHECK_ERRNO(try_open(ROOT, FOLLOW, "file", 0, READING), E(NOENT));
  CHECK_ERRNO(try_open(ROOT + 2, FOLLOW, "file", 0, READING), E(NOENT));
  CHECK_OK(try_open(ROOT + 1, FOLLOW, "file", 0, READING));
}

int main(void) {
  RUN(one_after_the_other);
  RUN(no_more);
  RUN(streams_are_not);
  RUN(opened_directories_are_not);
  RUN(names_too_long);
  RUN(each_its_own);
  return report();
}
