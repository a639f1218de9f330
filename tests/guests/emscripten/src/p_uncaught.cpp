// Ends by an exception that nobody catches; the argument chooses which.
#include <cstdio>
#include <cstdlib>
#include <stdexcept>
#include <string>

namespace app {
struct Error : std::runtime_error { using std::runtime_error::runtime_error; };
struct Plain { int v; };
struct Two : Plain, std::logic_error { Two() : Plain{1}, std::logic_error("two bases") {} };
}

int main(int argc, char **argv) {
  std::printf("begin\n");
  switch (argc > 1 ? std::atoi(argv[1]) : 0) {
  case 0: throw std::runtime_error("disk is on fire");
  case 1: throw app::Error("with a name");
  case 2: throw app::Plain{3};
  case 3: throw 42;
  case 4: throw std::string("text");
  case 5: std::abort();
  case 6: throw app::Two();
  }
}
