// A descriptor of the host is closed while another thread reads from it: the pipe `fifo` in the directory 3.
#include "thread.h"

enum { READ = 1 << 1, WRITE = 1 << 6, EBADF = 8 };
static int outcome;

static void read_one(int fd) {
  char byte = 0;
  struct iovec buffer = {&byte, 1};
  uint32_t size = 0;
  int error = fd_read(fd, &buffer, 1, &size);
  // If the other thread was faster, the descriptor is closed already.
  outcome = error == EBADF || (error == 0 && size == 1 && byte == 'x');
}

void _start(void) {
  int both, fd;
  // Open for both, so that neither opening nor writing waits for another side.
  if (path_open(3, 0, "fifo", 4, 0, READ | WRITE, 0, 0, &both) != 0 ||
      path_open(3, 0, "fifo", 4, 0, READ, 0, 0, &fd) != 0 || spawn(0, read_one, fd) <= 0)
    proc_exit(1);
  sleep_ms(10);
  if (fd_close(fd) != 0 || fd_close(fd) != EBADF)
    proc_exit(2);
  struct iovec buffer = {"x", 1};
  uint32_t size;
  if (fd_write(both, &buffer, 1, &size) != 0)
    proc_exit(3);
  join(0);
  if (!outcome)
    proc_exit(4);
  // Its number is the lowest that is free.
  int again;
  if (path_open(3, 0, "fifo", 4, 0, READ, 0, 0, &again) != 0 || again != fd)
    proc_exit(5);
  print("closed\n");
}
