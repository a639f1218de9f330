// longjmp and exceptions in one program, and both through many frames.
#include <csetjmp>
#include <cstdio>
#include <stdexcept>
#include <string>
#include <vector>
static std::jmp_buf top;
static int level;
struct Track { int n; Track(int n) : n(n) { level++; } ~Track() { level--; } };
static void dive(int n, bool jump) {
  if (n == 0) { if (jump) std::longjmp(top, 5); throw std::runtime_error("bottom"); }
  if (jump) { dive(n - 1, jump); return; }
  Track t(n);
  std::string text(n, 'x');
  try { dive(n - 1, jump); } catch (std::runtime_error &e) {
    if (n % 10 == 0) throw std::runtime_error(std::string(e.what()) + "<" + std::to_string(n));
    throw;
  }
}
int main() {
  try { dive(100, false); } catch (std::exception &e) { std::printf("%s\nlevel %d\n", e.what(), level); }
  volatile int rounds = 0;
  int r = setjmp(top);
  rounds = rounds + 1;
  if (rounds < 4) dive(100, true);
  std::printf("rounds %d r %d\n", rounds, r);
  // An exception is handled while a jump happens inside of its handler.
  try { throw 7; } catch (int v) {
    std::jmp_buf here;
    if (int k = setjmp(here)) std::printf("in handler %d %d\n", v, k); else std::longjmp(here, 2);
  }
  int total = 0;
  for (int i = 0; i < 2000; i++) {
    std::jmp_buf env;
    if (i % 2) { try { throw i; } catch (int v) { total += v; } }
    else if (int k = setjmp(env)) total += k; else std::longjmp(env, i + 1);
  }
  std::printf("total %d\n", total);
}
