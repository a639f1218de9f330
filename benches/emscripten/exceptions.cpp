// Throws and catches: an exception goes through a frame that has something to destroy, to a handler for its base class.

namespace {

struct Base {
  explicit Base(int value) : value(value) {}
  virtual ~Base() {}
  int value;
};

struct Derived : Base {
  using Base::Base;
};

struct Count {
  int &count;
  ~Count() { ++count; }
};

__attribute__((noinline)) int fail(int i) {
  if (i >= 0) throw Derived(i);
  return i;
}

__attribute__((noinline)) int between(int i, int &destroyed) {
  Count count{destroyed};
  return fail(i) + 1;
}

}  // namespace

// The sum of what was caught, and of frames that were left.
extern "C" int run(int n) {
  int sum = 0, destroyed = 0;
  for (int i = 0; i < n; i++) {
    try {
      sum -= between(i & 15, destroyed);
    } catch (const Base &caught) {
      sum += caught.value;
    }
  }
  return sum + destroyed;
}
