// Programs that terminate; the argument chooses how.
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <stdexcept>
struct Bad { ~Bad() noexcept(false) { throw 2; } };
static void never() noexcept { throw 1; }
static void on_terminate() { std::puts("on terminate"); std::exit(3); }
int main(int, char **argv) {
  std::set_terminate(on_terminate);
  switch (std::atoi(argv[1])) {
  case 0: try { never(); } catch (...) { std::puts("caught"); } break;
  case 1: try { Bad b; throw 1; } catch (int v) { std::printf("caught %d\n", v); } break;
  case 2: std::terminate();
  case 3: try { Bad b; } catch (int v) { std::printf("caught %d\n", v); } break;
  }
  return 0;
}
