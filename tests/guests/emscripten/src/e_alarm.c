// A program that gets its alarm when it has returned from `main`, unless it exits then.
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

static void handle(int signal) { printf("signal %d\n", signal); }

int main(void) {
  signal(SIGALRM, handle);
  printf("nothing left: %u\n", alarm(1));
  puts("main returns");
  return 0;
}
