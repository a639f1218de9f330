// More buffers than a host's call may take: it may do a part, which must be the first, and the rest comes with
// further calls.
#include "wasi.h"

enum { COUNT = 3000 };

static void many(void) {
  static uint8_t out[COUNT], in[COUNT];
  static __wasi_ciovec_t from[COUNT];
  static __wasi_iovec_t to[COUNT];
  for (size_t i = 0; i < COUNT; i++) {
    out[i] = (uint8_t)(i * 31 >> 3);
    from[i] = (__wasi_ciovec_t){out + i, 1};
    to[i] = (__wasi_iovec_t){in + i, 1};
  }
  Fd fd = new_file("file", "");
  for (size_t done = 0; done < COUNT;) {
    __wasi_size_t count = 0;
    REQUIRE(__wasi_fd_write(fd, from + done, COUNT - done, &count));
    if (!CHECK(count > 0 && count <= COUNT - done)) return;
    done += count;
    CHECK_EQ(tell(fd), done);
  }
  CHECK_EQ(size_of(fd), COUNT);
  __wasi_filesize_t position;
  CHECK_OK(__wasi_fd_seek(fd, 0, __WASI_WHENCE_SET, &position));
  for (size_t done = 0; done < COUNT;) {
    __wasi_size_t count = 0;
    REQUIRE(__wasi_fd_read(fd, to + done, COUNT - done, &count));
    if (!CHECK(count > 0 && count <= COUNT - done)) return;
    done += count;
  }
  CHECK(memcmp(in, out, COUNT) == 0);
  CHECK_OK(__wasi_fd_close(fd));
}

int main(void) {
  RUN(many);
  return report();
}
