// The main thread waits for input, with poll if there are arguments, while another one exits.
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

static void *leave(void *arg) {
  usleep(1000);
  exit(9);
}

int main(int argc, char **argv) {
  pthread_t thread;
  pthread_create(&thread, 0, leave, 0);
  if (argc > 1) {
    struct pollfd input = {0, POLLIN, 0};
    poll(&input, 1, -1);
  }
  char byte;
  read(0, &byte, 1);
  pthread_join(thread, 0);
  return 1;
}
