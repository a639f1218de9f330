// Files with several names, which Emscripten's JavaScript does not have: as on a POSIX system.
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

// That of the C library fails without asking the host.
#define link(from, to) linkat(AT_FDCWD, from, AT_FDCWD, to, 0)

static void show(const char *path) {
  struct stat s;
  if (lstat(path, &s) == 0)
    printf("%s: %d names, %d bytes%s\n", path, (int)s.st_nlink, (int)s.st_size, S_ISLNK(s.st_mode) ? ", symbolic" : "");
  else
    printf("%s: %s\n", path, strerror(errno));
}

#define TRY(call) printf("%s: %s\n", #call, (call) == 0 ? "done" : strerror(errno))

int main(int argc, char **argv) {
  chdir(argc > 1 ? argv[1] : "/tmp");
  int fd = open("one", O_RDWR | O_CREAT, 0644);
  write(fd, "text", 4);
  TRY(link("one", "two"));
  show("one");
  int other = open("two", O_WRONLY | O_APPEND);
  write(other, " more", 5);
  show("one");
  TRY(link("one", "two"));
  TRY(link("none", "three"));
  mkdir("folder", 0755);
  TRY(link("folder", "three"));
  TRY(link("one", "folder/in"));
  TRY(link("one", "none/in"));
  TRY(link("one", "three/"));
  TRY(rename("one", "two"));
  show("one");
  TRY(unlink("one"));
  TRY(rename("two", "moved"));
  show("moved");
  show("folder/in");
  symlink("moved", "symbolic");
  TRY(linkat(AT_FDCWD, "symbolic", AT_FDCWD, "same", 0));
  show("same");
  TRY(linkat(AT_FDCWD, "symbolic", AT_FDCWD, "followed", AT_SYMLINK_FOLLOW));
  show("followed");
  TRY(unlink("moved"));
  TRY(unlink("folder/in"));
  TRY(rmdir("folder"));
  TRY(unlink("followed"));
  struct stat s;
  fstat(fd, &s);
  char text[20] = "";
  pread(fd, text, sizeof text - 1, 0);
  printf("%d names, '%s'\n", (int)s.st_nlink, text);
}
