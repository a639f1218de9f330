// Rethrowing, nested exceptions, exception_ptr, function try blocks.
#include <cstdio>
#include <exception>
#include <functional>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

struct Counted {
  static int alive;
  int v;
  Counted(int v) : v(v) { alive++; }
  Counted(const Counted &o) : v(o.v) { alive++; }
  ~Counted() { alive--; }
};
int Counted::alive = 0;

static void rethrow_twice() {
  try {
    try {
      try { throw Counted(5); } catch (Counted &c) { c.v++; throw; }
    } catch (Counted &c) { c.v++; throw; }
  } catch (Counted &c) { std::printf("rethrown %d alive %d\n", c.v, Counted::alive); }
  std::printf("alive %d\n", Counted::alive);
}

static void throw_in_handler() {
  try {
    try { throw Counted(1); } catch (Counted &) { throw std::runtime_error("second"); }
  } catch (std::exception &e) { std::printf("%s alive %d\n", e.what(), Counted::alive); }
}

static void handlers_in_handlers() {
  try { throw Counted(1); } catch (Counted &a) {
    try { throw Counted(2); } catch (Counted &b) {
      try { throw Counted(3); } catch (Counted &c) { std::printf("%d %d %d alive %d\n", a.v, b.v, c.v, Counted::alive); }
      std::printf("%d %d\n", a.v, b.v);
    }
  }
  std::printf("alive %d\n", Counted::alive);
}

static void print_nested(const std::exception &e, int level = 0) {
  std::printf("%*s%s\n", level * 2, "", e.what());
  try { std::rethrow_if_nested(e); } catch (const std::exception &n) { print_nested(n, level + 1); } catch (...) { std::printf("?\n"); }
}

static std::exception_ptr kept;

static int function_try(int x) try {
  if (x) throw x;
  return 0;
} catch (int v) { return v * 2; }

struct InDestructor {
  ~InDestructor() {
    try { throw 1; } catch (int) { std::printf("in destructor, uncaught %d\n", std::uncaught_exceptions()); }
  }
};

int main() {
  rethrow_twice();
  throw_in_handler();
  handlers_in_handlers();
  try {
    try { throw std::runtime_error("low"); } catch (...) { std::throw_with_nested(std::logic_error("high")); }
  } catch (std::exception &e) { print_nested(e); }
  try { throw Counted(9); } catch (...) { kept = std::current_exception(); }
  std::printf("kept alive %d\n", Counted::alive);
  for (int i = 0; i < 2; i++) {
    try { std::rethrow_exception(kept); } catch (Counted &c) { std::printf("again %d alive %d\n", c.v, Counted::alive); }
  }
  std::exception_ptr copy = kept;
  kept = nullptr;
  std::printf("copy alive %d\n", Counted::alive);
  copy = nullptr;
  std::printf("gone alive %d\n", Counted::alive);
  std::exception_ptr made = std::make_exception_ptr(std::runtime_error("made"));
  try { std::rethrow_exception(made); } catch (std::exception &e) { std::printf("%s\n", e.what()); }
  std::printf("function try %d\n", function_try(21));
  try { InDestructor d; throw 2; } catch (int v) { std::printf("outer %d\n", v); }
  int sum = 0;
  for (int i = 0; i < 10000; i++) {
    try { if (i % 3 == 0) throw i; sum++; } catch (int v) { sum += v % 7; }
  }
  std::printf("sum %d\n", sum);
  std::vector<std::function<void()>> list;
  for (int i = 0; i < 3; i++) list.push_back([i] { if (i == 1) throw std::out_of_range("item"); std::printf("item %d\n", i); });
  for (auto &f : list) try { f(); } catch (std::out_of_range &e) { std::printf("%s\n", e.what()); }
  try { std::vector<int>().at(3); } catch (std::out_of_range &) { std::printf("at\n"); }
  try { std::string("abc").substr(9); } catch (std::out_of_range &) { std::printf("substr\n"); }
  try { std::function<void()> f; f(); } catch (std::bad_function_call &) { std::printf("bad call\n"); }
  try { (void)std::stoi("12x", nullptr, 40); } catch (std::invalid_argument &) { std::printf("stoi\n"); }
  return 0;
}
