// Files, directories and streams are no sockets, and a socket that listens is none to talk to.
#include "socket.h"

static void refuse(Fd fd) {
  char byte = 'x';
  __wasi_iovec_t in = {(uint8_t *)&byte, 1};
  __wasi_ciovec_t out = {(uint8_t *)&byte, 1};
  __wasi_size_t count;
  __wasi_roflags_t flags;
  Fd other;
  CHECK_ERRNO(__wasi_sock_accept(fd, 0, &other), E(NOTSOCK));
  CHECK_ERRNO(__wasi_sock_recv(fd, &in, 1, 0, &count, &flags), E(NOTSOCK));
  CHECK_ERRNO(__wasi_sock_send(fd, &out, 1, 0, &count), E(NOTSOCK));
  CHECK_ERRNO(__wasi_sock_shutdown(fd, __WASI_SDFLAGS_WR), E(NOTSOCK));
}

static void files(void) {
  Fd root = 3;
  Fdstat stat;
  while (__wasi_fd_fdstat_get(root, &stat) == 0 && stat.fs_filetype != __WASI_FILETYPE_DIRECTORY) root++;
  Fd fd = must_open(root, "file", O_CREATE, BOTH);
  refuse(fd);
  CHECK_OK(__wasi_fd_close(fd));
  refuse(root);
}

static void streams(void) {
  for (Fd fd = 0; fd < 3; fd++) refuse(fd);
}

static void listening(void) {
  Fd fd = listener();
  char byte;
  __wasi_size_t count;
  // Not connected, or without the right.
  CHECK_ONE_OF(receive(fd, &byte, 1, 0, &count), E(NOTCONN), E(BADF), E(NOTCAPABLE));
  CHECK_ONE_OF(send_text(fd, "x", &count), E(NOTCONN), E(PIPE), E(BADF), E(NOTCAPABLE));
  __wasi_filesize_t at;
  CHECK_ERRNO(__wasi_fd_seek(fd, 0, __WASI_WHENCE_CUR, &at), E(SPIPE));
  __wasi_prestat_t prestat;
  CHECK_ERRNO(__wasi_fd_prestat_get(fd, &prestat), E(BADF));
}

int main(void) {
  RUN(files);
  RUN(streams);
  RUN(listening);
  return report();
}
