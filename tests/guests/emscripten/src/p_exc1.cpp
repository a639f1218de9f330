// Inheritance, several bases, virtual bases, order of destructors.
#include <cstdio>
#include <exception>
#include <stdexcept>
#include <string>

struct Loud {
  const char *name;
  Loud(const char *n) : name(n) { std::printf("+%s\n", name); }
  ~Loud() { std::printf("-%s\n", name); }
};

struct Base { virtual ~Base() {} virtual int id() const { return 1; } int b = 10; };
struct Other { virtual ~Other() {} int o = 20; };
struct Derived : Base, Other { int id() const override { return 2; } int d = 30; };
struct Virtual1 : virtual Base {};
struct Virtual2 : virtual Base {};
struct Diamond : Virtual1, Virtual2 { int id() const override { return 4; } };

struct Member {
  Loud a{"member a"}, b{"member b"};
  Member(bool fail) { if (fail) throw std::logic_error("constructor"); }
  ~Member() { std::printf("~Member\n"); }
};

static void inner(int kind) {
  Loud l("inner");
  switch (kind) {
  case 0: throw Derived();
  case 1: throw Diamond();
  case 2: throw std::out_of_range("range");
  case 3: throw "text";
  case 4: throw 3.5;
  case 5: throw new Derived();
  case 6: throw (long long)1 << 40;
  }
}

static void middle(int kind) {
  Loud one("one"), two("two");
  try {
    inner(kind);
  } catch (const char *s) {
    std::printf("middle has %s\n", s);
  }
}

int main() {
  for (int kind = 0; kind < 8; kind++) {
    std::printf("kind %d\n", kind);
    try {
      middle(kind);
    } catch (Other &o) {
      std::printf("Other %d\n", o.o);
    } catch (Base &b) {
      std::printf("Base %d %d\n", b.id(), b.b);
    } catch (std::exception &e) {
      std::printf("exception %s\n", e.what());
    } catch (double d) {
      std::printf("double %.1f\n", d);
    } catch (Base *b) {
      std::printf("pointer %d\n", b->id());
      delete b;
    } catch (...) {
      std::printf("unknown\n");
    }
  }
  try {
    Member m(true);
  } catch (std::logic_error &e) {
    std::printf("%s\n", e.what());
  }
  { Member m(false); }
  // By value: a slice, with copies and destructors in order.
  try { throw Derived(); } catch (Base b) { std::printf("slice %d\n", b.id()); }
  std::printf("uncaught %d\n", std::uncaught_exceptions());
  return 0;
}
