// Exceptions in several threads at once, rethrown, nested, with destructors; exception_ptr between threads; longjmp.
#include <atomic>
#include <csetjmp>
#include <cstdio>
#include <exception>
#include <stdexcept>
#include <string>
#include <pthread.h>

static std::atomic<int> destroyed;
struct Guard {
  ~Guard() { destroyed++; }
};

struct Mine : std::runtime_error {
  int code;
  Mine(int code) : std::runtime_error("mine " + std::to_string(code)), code(code) {}
};

__attribute__((noinline)) static void thrower(int n, int depth) {
  Guard guard;
  if (depth > 0) return thrower(n, depth - 1);
  if (n % 3 == 0) throw Mine(n);
  if (n % 3 == 1) throw n;
  throw std::string("text");
}

static void *work(void *arg) {
  long id = reinterpret_cast<long>(arg), sum = 0;
  jmp_buf place;
  for (int i = 0; i < 300; i++) {
    try {
      try {
        thrower(i, 3);
      } catch (const std::runtime_error &error) {
        if (std::uncaught_exceptions() != 0) sum += 1000000;
        throw;
      }
    } catch (const Mine &mine) {
      sum += mine.code;
    } catch (int n) {
      sum += n;
    } catch (const std::string &text) {
      sum += text.size();
    }
    if (i % 10 == 0) {
      int back = setjmp(place);
      if (back < 5) longjmp(place, back + 1);
      sum += back;
    }
  }
  return reinterpret_cast<void *>(sum + id);
}

static std::exception_ptr kept;

static void *keep(void *) {
  try {
    thrower(9, 1);
  } catch (...) {
    kept = std::current_exception();
  }
  return nullptr;
}

static void *again(void *) {
  long code = 0;
  for (int i = 0; i < 200; i++) {
    std::exception_ptr copy = kept;
    try {
      std::rethrow_exception(copy);
    } catch (const Mine &mine) {
      code += mine.code;
    }
  }
  return reinterpret_cast<void *>(code);
}

int main() {
  pthread_t threads[4];
  for (long i = 0; i < 4; i++) pthread_create(&threads[i], nullptr, work, reinterpret_cast<void *>(i));
  for (auto thread : threads) {
    void *sum;
    pthread_join(thread, &sum);
    printf("sum %ld\n", reinterpret_cast<long>(sum));
  }
  printf("destroyed %d\n", destroyed.load());
  pthread_create(&threads[0], nullptr, keep, nullptr);
  pthread_join(threads[0], nullptr);
  for (auto &thread : threads) pthread_create(&thread, nullptr, again, nullptr);
  for (auto thread : threads) {
    void *code;
    pthread_join(thread, &code);
    printf("code %ld\n", reinterpret_cast<long>(code));
  }
  try {
    std::rethrow_exception(kept);
  } catch (const std::exception &error) {
    printf("still %s\n", error.what());
  }
}
