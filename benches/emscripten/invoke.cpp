// Calls that could throw, and never do: each goes through `invoke_ii`.

namespace {

__attribute__((noinline)) int step(int i) {
  if (i < 0) throw i;
  return i & 7;
}

}  // namespace

// The sum of what the calls gave.
extern "C" int run(int n) {
  int sum = 0;
  for (int i = 0; i < n; i++) {
    try {
      sum += step(i);
    } catch (int) {
      return -1;
    }
  }
  return sum;
}
