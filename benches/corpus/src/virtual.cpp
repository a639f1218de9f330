/* Expressions as objects: virtual calls in a tree, allocation by `new`. */
#include "corpus.h"

#include <new>

/* Those of the C++ library would bring its error messages with them, and so imports. */
void *operator new(size_t size) { return malloc(size); }
void operator delete(void *object) noexcept { free(object); }
void operator delete(void *object, size_t) noexcept { free(object); }
extern "C" void __cxa_pure_virtual() { abort(); }

namespace {

struct Expression {
  virtual ~Expression() {}
  virtual i32 evaluate(const i32 *variables) const = 0;
  virtual u32 size() const { return 1; }
};

struct Constant final : Expression {
  i32 value;
  explicit Constant(i32 value) : value(value) {}
  i32 evaluate(const i32 *) const override { return value; }
};

struct Variable final : Expression {
  u32 index;
  explicit Variable(u32 index) : index(index) {}
  i32 evaluate(const i32 *variables) const override { return variables[index]; }
};

struct Binary : Expression {
  Expression *left, *right;
  Binary(Expression *left, Expression *right) : left(left), right(right) {}
  ~Binary() override {
    delete left;
    delete right;
  }
  u32 size() const override { return 1 + left->size() + right->size(); }
};

struct Sum final : Binary {
  using Binary::Binary;
  i32 evaluate(const i32 *v) const override { return (u32)left->evaluate(v) + right->evaluate(v); }
};

struct Product final : Binary {
  using Binary::Binary;
  i32 evaluate(const i32 *v) const override { return (u32)left->evaluate(v) * right->evaluate(v); }
};

struct Smaller final : Binary {
  using Binary::Binary;
  i32 evaluate(const i32 *v) const override {
    i32 a = left->evaluate(v), b = right->evaluate(v);
    return a < b ? a : b;
  }
};

Expression *grow(u32 &random, i32 depth) {
  u32 choice = next_random(&random) % (depth > 0 ? 8 : 2);
  if (choice == 0) return new Constant(next_random(&random) % 100);
  if (choice == 1) return new Variable(next_random(&random) % 4);
  Expression *left = grow(random, depth - 1), *right = grow(random, depth - 1);
  switch (choice % 3) {
  case 0: return new Sum(left, right);
  case 1: return new Product(left, right);
  default: return new Smaller(left, right);
  }
}

}  // namespace

i64 run(i32 n) {
  u32 random = 47;
  u64 sum = 0;
  for (i32 round = 0; round < n; round++) {
    Expression *expression = grow(random, 10);
    sum = mix(sum, expression->size());
    for (i32 i = 0; i < 50; i++) {
      i32 variables[4] = {i, i * i, -i, round};
      sum = mix(sum, (u32)expression->evaluate(variables));
    }
    delete expression;
  }
  return sum;
}
