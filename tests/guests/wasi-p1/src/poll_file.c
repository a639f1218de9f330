// Files and the output streams are always ready.
#include "poll.h"

static void to_read(void) {
  Fd fd = new_file("file", "0123456789");
  __wasi_subscription_t subscription = on_fd(9, __WASI_EVENTTYPE_FD_READ, fd);
  CHECK_EQ(wait_for(&subscription, 1), 1);
  CHECK_EQ(events[0].userdata, 9);
  CHECK_EQ(events[0].error, 0);
  CHECK_EQ(events[0].type, __WASI_EVENTTYPE_FD_READ);
  CHECK(events[0].fd_readwrite.nbytes >= 1 && events[0].fd_readwrite.nbytes <= 10);
  CHECK_OK(__wasi_fd_close(fd));
}

static void to_read_at_the_end(void) {
  Fd fd = new_file("file", "");
  __wasi_subscription_t subscription = on_fd(9, __WASI_EVENTTYPE_FD_READ, fd);
  CHECK_EQ(wait_for(&subscription, 1), 1);
  CHECK_EQ(events[0].error, 0);
  CHECK(events[0].fd_readwrite.nbytes <= 1);
  CHECK_OK(__wasi_fd_close(fd));
}

static void to_write(void) {
  Fd fd = new_file("file", "");
  __wasi_subscription_t several[] = {
      on_fd(1, __WASI_EVENTTYPE_FD_WRITE, fd),
      on_fd(2, __WASI_EVENTTYPE_FD_WRITE, 1),
      on_fd(3, __WASI_EVENTTYPE_FD_WRITE, 2),
  };
  size_t count = wait_for(several, COUNT_OF(several));
  const __wasi_event_t *event = event_of(1, count);
  if (CHECK(event != NULL)) {
    CHECK_EQ(event->error, 0);
    CHECK_EQ(event->type, __WASI_EVENTTYPE_FD_WRITE);
    CHECK(event->fd_readwrite.nbytes > 0);
  }
  for (size_t i = 0; i < count; i++) CHECK_EQ(events[i].error, 0);
  CHECK_OK(__wasi_fd_close(fd));
}

int main(void) {
  RUN(to_read);
  RUN(to_read_at_the_end);
  RUN(to_write);
  return report();
}
