// Errors of file functions, one a line.
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *name(int e) {
  switch (e) {
  case 0: return "ok";
  case ENOENT: return "ENOENT";
  case EEXIST: return "EEXIST";
  case ENOTDIR: return "ENOTDIR";
  case EISDIR: return "EISDIR";
  case ENOTEMPTY: return "ENOTEMPTY";
  case EBADF: return "EBADF";
  case EINVAL: return "EINVAL";
  case ELOOP: return "ELOOP";
  case EACCES: return "EACCES";
  case EPERM: return "EPERM";
  case ESPIPE: return "ESPIPE";
  case EXDEV: return "EXDEV";
  case ENOTTY: return "ENOTTY";
  case ENAMETOOLONG: return "ENAMETOOLONG";
  default: return strerror(e);
  }
}

static void say(const char *what, int result) {
  printf("%s: %s\n", what, result < 0 ? name(errno) : "ok");
}

int main(void) {
  char buf[8];
  say("open missing", open("/tmp/missing", O_RDONLY));
  int fd = open("/tmp/f", O_CREAT | O_EXCL | O_RDWR, 0644);
  say("create", fd);
  say("create again", open("/tmp/f", O_CREAT | O_EXCL | O_RDWR, 0644));
  say("write", write(fd, "12345", 5));
  say("seek before begin", (int)lseek(fd, -6, SEEK_END));
  say("seek whence", (int)lseek(fd, 0, 9));
  say("mkdir", mkdir("/tmp/d", 0755));
  say("mkdir again", mkdir("/tmp/d", 0755));
  say("mkdir below missing", mkdir("/tmp/x/y", 0755));
  say("open dir to write", open("/tmp/d", O_WRONLY));
  say("unlink dir", unlink("/tmp/d"));
  say("rmdir file", rmdir("/tmp/f"));
  int in = open("/tmp/d/inner", O_CREAT | O_WRONLY, 0600);
  say("create inner", in);
  say("read write-only", (int)read(in, buf, 1));
  say("rmdir full", rmdir("/tmp/d"));
  say("through a file", open("/tmp/f/x", O_RDONLY));
  say("close", close(in));
  say("close again", close(in));
  say("read closed", (int)read(in, buf, 1));
  say("O_DIRECTORY on file", open("/tmp/f", O_RDONLY | O_DIRECTORY));
  symlink("/tmp/loop2", "/tmp/loop1");
  symlink("/tmp/loop1", "/tmp/loop2");
  say("symlink loop", open("/tmp/loop1", O_RDONLY));
  say("chdir to file", chdir("/tmp/f"));
  say("chdir missing", chdir("/nowhere"));
  say("opendir file", opendir("/tmp/f") ? 0 : -1);
  say("rename missing", rename("/tmp/missing", "/tmp/z"));
  say("readlink file", (int)readlink("/tmp/f", buf, sizeof buf));
  int ro = open("/tmp/f", O_RDONLY);
  say("write read-only", (int)write(ro, "x", 1));
  say("isatty file", isatty(ro) ? 0 : -1);
  say("unlink missing", unlink("/tmp/missing"));
  say("empty path", open("", O_RDONLY));
  int p[2];
  say("pipe", pipe(p));
  say("seek pipe", (int)lseek(p[0], 0, SEEK_CUR));
  return 0;
}
