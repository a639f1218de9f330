// What a program asks about its system.
#include <errno.h>
#include <locale.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/time.h>
#include <sys/times.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

static volatile sig_atomic_t got;
static void handler(int s) { got = s; }

int main(void) {
  printf("uid %d gid %d pid %d\n", getuid(), getgid(), getpid() > 0);
  struct utsname u;
  printf("uname %d %s\n", uname(&u), u.sysname);
  printf("page %ld cpus %d\n", sysconf(_SC_PAGESIZE), sysconf(_SC_NPROCESSORS_ONLN) >= 1);
  signal(SIGUSR1, handler);
  printf("raise %d got %d\n", raise(SIGUSR1), got == SIGUSR1);
  signal(SIGUSR1, SIG_IGN);
  printf("ignored %d\n", raise(SIGUSR1));
  struct timeval a, b;
  gettimeofday(&a, NULL);
  usleep(2000);
  gettimeofday(&b, NULL);
  long us = (b.tv_sec - a.tv_sec) * 1000000L + b.tv_usec - a.tv_usec;
  printf("usleep %d\n", us >= 1500 && us < 5000000);
  struct timespec ts = {0, 1000000};
  printf("nanosleep %d\n", nanosleep(&ts, NULL));
  clock_t c = clock();
  printf("clock %d\n", c >= 0);
  printf("time %d\n", time(NULL) > 1600000000);
  printf("locale %s\n", setlocale(LC_ALL, NULL));
  struct statvfs v;
  printf("statvfs %d %d\n", statvfs("/", &v), v.f_bsize > 0);
  printf("getcwd %d\n", getcwd(NULL, 0) != NULL);
  printf("umask %o\n", umask(022) & 0);
  srand(1); int x = rand(); srand(1);
  printf("rand repeats %d\n", rand() == x);
  unsigned char bytes[16] = {0}; int any = 0;
  printf("getentropy %d", getentropy(bytes, sizeof bytes));
  for (int i = 0; i < 16; i++) any |= bytes[i];
  printf(" %d\n", any != 0);
  printf("fork %d exec %d\n", fork() < 0, execl("/bin/true", "true", NULL) < 0);
  char host[64];
  printf("hostname %d\n", gethostname(host, sizeof host));
  printf("isatty %d ttyname %d\n", isatty(1), ttyname(1) != NULL);
  return 0;
}
