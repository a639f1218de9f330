// Exceptions in constructors of statics, thread locals, destructors at exit; synchronisation without threads.
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <mutex>
#include <stdexcept>
struct S {
  int v;
  S(int v) : v(v) { if (v < 0) throw std::domain_error("negative"); std::printf("S %d\n", v); }
  ~S() { std::printf("~S %d\n", v); }
};
static S &lazy(int v) { static S s(v); return s; }
static S first(1);
static thread_local S local(2);
static S second(3);
static std::once_flag once;
int main() {
  try { lazy(-1); } catch (std::domain_error &e) { std::printf("%s\n", e.what()); }
  std::printf("lazy %d\n", lazy(4).v);
  std::printf("lazy %d\n", lazy(5).v);
  std::printf("local %d\n", local.v);
  for (int i = 0; i < 3; i++) {
    try { std::call_once(once, [i] { if (i == 0) throw i; std::printf("once %d\n", i); }); } catch (int v) { std::printf("not yet %d\n", v); }
  }
  std::mutex m;
  { std::lock_guard<std::mutex> l(m); std::printf("locked %d\n", m.try_lock()); }
  std::atomic<long long> a{1LL << 40};
  a += 2;
  std::printf("atomic %lld\n", a.load());
  std::atexit([] { std::puts("atexit"); });
  try { new S(-2); } catch (...) { std::puts("new failed"); }
  S *list = nullptr;
  try { list = new S[3]{6, 7, -3}; } catch (...) { std::printf("list %d\n", list == nullptr); }
  std::exit(9);
}
