// What a link contains, cut off where the buffer ends.
#include "wasi.h"

static void contents_(void) {
  char buffer[32];
  memset(buffer, '.', sizeof buffer);
  __wasi_size_t used = 99;
  CHECK_OK(__wasi_path_readlink(ROOT, "link", (uint8_t *)buffer, sizeof buffer, &used));
  // No NUL is added.
  CHECK_TEXT(buffer, used, "some/where");
  CHECK_EQ(buffer[used], '.');
}

static void cut_off(void) {
  char buffer[32];
  for (size_t size = 1; size <= 11; size++) {
    memset(buffer, '.', sizeof buffer);
    __wasi_size_t used = 99;
    CHECK_OK(__wasi_path_readlink(ROOT, "link", (uint8_t *)buffer, size, &used));
    CHECK_EQ(used, size < 10 ? size : 10);
    CHECK(memcmp(buffer, "some/where", used) == 0);
    CHECK_EQ(buffer[used], '.');
  }
}

static void into_nothing(void) {
  __wasi_size_t used = 99;
  char byte = '.';
  Errno error = __wasi_path_readlink(ROOT, "link", (uint8_t *)&byte, 0, &used);
  CHECK_EITHER(error, E(SUCCESS), E(INVAL));
  if (error == 0) CHECK_EQ(used, 0);
  CHECK_EQ(byte, '.');
}

static void not_links(void) {
  uint8_t buffer[8];
  __wasi_size_t used;
  make_file("file", "abc");
  make_dir("dir");
  CHECK_ERRNO(__wasi_path_readlink(ROOT, "file", buffer, 8, &used), E(INVAL));
  CHECK_ERRNO(__wasi_path_readlink(ROOT, "dir", buffer, 8, &used), E(INVAL));
  CHECK_ERRNO(__wasi_path_readlink(ROOT, "missing", buffer, 8, &used), E(NOENT));
  CHECK_ERRNO(__wasi_path_readlink(ROOT, "file/x", buffer, 8, &used), E(NOTDIR));
  CHECK_ERRNO(__wasi_path_readlink(ROOT, "", buffer, 8, &used), E(NOENT));
}

static void the_first_of_a_chain(void) {
  make_link("link", "second");
  uint8_t buffer[32];
  __wasi_size_t used;
  CHECK_OK(__wasi_path_readlink(ROOT, "second", buffer, sizeof buffer, &used));
  CHECK_TEXT(buffer, used, "link");
}

int main(void) {
  make_link("some/where", "link");
  RUN(contents_);
  RUN(cut_off);
  RUN(into_nothing);
  RUN(not_links);
  RUN(the_first_of_a_chain);
  return report();
}
