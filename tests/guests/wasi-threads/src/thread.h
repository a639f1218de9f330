// What the programs here have instead of a C library, as the one at hand knows no threads.
#include <stdint.h>

#define WASI(name) __attribute__((import_module("wasi_snapshot_preview1"), import_name(name)))

struct iovec {
  const void *data;
  uint32_t size;
};

// A clock's subscription and its event; of the latter nothing is of interest.
struct subscription {
  uint64_t userdata;
  uint8_t tag;
  uint32_t clock;
  uint64_t timeout, precision;
  uint16_t flags;
};

WASI("fd_read") int fd_read(int fd, const struct iovec *buffers, int count, uint32_t *size);
WASI("fd_write") int fd_write(int fd, const struct iovec *buffers, int count, uint32_t *size);
WASI("fd_close") int fd_close(int fd);
WASI("args_get") int args_get(char **argv, char *buffer);
WASI("path_open")
int path_open(int dir, int lookup, const char *path, int length, int oflags, uint64_t rights, uint64_t inheriting,
              int flags, int *fd);
WASI("poll_oneoff")
int poll_oneoff(const struct subscription *in, void *out, int count, uint32_t *events);
WASI("sched_yield") int sched_yield(void);
WASI("proc_exit") _Noreturn void proc_exit(int code);
__attribute__((import_module("wasi"), import_name("thread-spawn"))) int thread_spawn(void *arg);

// What a thread gets. start.S knows that it begins with the stack.
struct thread {
  void *stack_top;
  void (*run)(int);
  int arg;
  int done;
};

enum { MAX_THREADS = 64, STACK_BYTES = 16384, MINUTE = 60 };
static struct thread threads[MAX_THREADS];
static char stacks[MAX_THREADS][STACK_BYTES] __attribute__((aligned(16)));

void thread_main(int tid, struct thread *thread) {
  (void)tid;
  thread->run(thread->arg);
  __atomic_store_n(&thread->done, 1, __ATOMIC_SEQ_CST);
  __builtin_wasm_memory_atomic_notify(&thread->done, 1);
}

// Runs run(arg) as thread `index`. Gives its number, or a negative one.
static int spawn(int index, void (*run)(int), int arg) {
  threads[index] = (struct thread){stacks[index] + STACK_BYTES, run, arg, 0};
  return thread_spawn(&threads[index]);
}

// Waits until *word is not `old`, for a minute at most; then it traps.
static void wait_while(int *word, int old) {
  while (__atomic_load_n(word, __ATOMIC_SEQ_CST) == old)
    if (__builtin_wasm_memory_atomic_wait32(word, old, MINUTE * 1000000000LL) == 2)
      __builtin_trap();
}

static void join(int index) { wait_while(&threads[index].done, 0); }

static uint32_t length(const char *text) {
  uint32_t size = 0;
  while (text[size])
    size++;
  return size;
}

static void print(const char *text) {
  struct iovec buffer = {text, length(text)};
  uint32_t size;
  if (fd_write(1, &buffer, 1, &size) != 0 || size != buffer.size)
    proc_exit(100);
}

static void print_number(const char *name, uint32_t value) {
  char digits[12];
  char *at = digits + sizeof digits - 1;
  *at = 0;
  do
    *--at = '0' + value % 10;
  while (value /= 10);
  print(name);
  print(at);
  print("\n");
}

static void sleep_ms(uint64_t milliseconds) {
  struct subscription clock = {.clock = 1, .timeout = milliseconds * 1000000};
  char event[32];
  uint32_t events;
  if (poll_oneoff(&clock, event, 1, &events) != 0 || events != 1)
    proc_exit(101);
}
