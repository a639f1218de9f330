// Calls of many types that may throw.
#include <csetjmp>
#include <cstdio>
#include <stdexcept>

static volatile int when;
__attribute__((noinline)) static void maybe() { if (when) throw when; }
__attribute__((noinline)) static long long wide(long long a, int b, long long c) { maybe(); return a * b + c; }
__attribute__((noinline)) static double real(double a, float b) { maybe(); return a * b; }
__attribute__((noinline)) static float single(float a) { maybe(); return a / 2; }
__attribute__((noinline)) static int many(int a, int b, int c, int d, int e, int f, int g, int h, int i, int j) {
  maybe();
  return a + b + c + d + e + f + g + h + i + j;
}
struct Big { int v[20]; };
__attribute__((noinline)) static Big by_value(Big b) { maybe(); b.v[19]++; return b; }

struct Guard { ~Guard() { std::printf("."); } };

int main() {
  for (int round = 0; round < 2; round++) {
    when = round;
    try { Guard g; std::printf("%lld\n", wide(1LL << 40, 3, -5)); } catch (int v) { std::printf("caught %d\n", v); }
    try { Guard g; std::printf("%f\n", real(1.5, 2.5f)); } catch (int v) { std::printf("caught %d\n", v); }
    try { Guard g; std::printf("%f\n", single(3)); } catch (int v) { std::printf("caught %d\n", v); }
    try { Guard g; std::printf("%d\n", many(1, 2, 3, 4, 5, 6, 7, 8, 9, 10)); } catch (int v) { std::printf("caught %d\n", v); }
    try { Guard g; Big b = {}; b.v[19] = 4; std::printf("%d\n", by_value(b).v[19]); } catch (int v) { std::printf("caught %d\n", v); }
  }
  std::jmp_buf env;
  when = 0;
  if (int r = setjmp(env)) {
    std::printf("jumped %d\n", r);
  } else {
    try { maybe(); std::longjmp(env, 3); } catch (...) { std::printf("never\n"); }
  }
  return 0;
}
