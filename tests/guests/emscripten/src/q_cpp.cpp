// Run-time types, filesystem-free library parts, statics, memory.
#include <algorithm>
#include <any>
#include <array>
#include <chrono>
#include <cstdio>
#include <deque>
#include <functional>
#include <iostream>
#include <memory>
#include <new>
#include <numeric>
#include <optional>
#include <random>
#include <regex>
#include <set>
#include <sstream>
#include <string>
#include <typeinfo>
#include <unordered_map>
#include <variant>
#include <vector>

struct Animal { virtual ~Animal() = default; virtual const char *says() const = 0; };
struct Dog : Animal { const char *says() const override { return "woof"; } };
struct Cat : Animal { const char *says() const override { return "meow"; } };
struct Static { Static() { std::puts("static begins"); } ~Static() { std::puts("static ends"); } } instance;

int main() {
  std::vector<std::unique_ptr<Animal>> zoo;
  zoo.push_back(std::make_unique<Dog>());
  zoo.push_back(std::make_unique<Cat>());
  for (auto &a : zoo) std::printf("%s %d %s\n", a->says(), dynamic_cast<Dog *>(a.get()) != nullptr, typeid(*a).name());
  try { dynamic_cast<Dog &>(*zoo[1]); } catch (std::bad_cast &) { std::puts("bad cast"); }
  try { std::vector<int> v; v.reserve(1u << 31); } catch (std::length_error &) { std::puts("too long"); } catch (std::bad_alloc &) { std::puts("bad alloc"); }
  std::regex re("(\\w+)@(\\w+)\\.com");
  std::smatch m;
  std::string mail = "write to ann@example.com or bob@test.com";
  for (auto s = mail.cbegin(); std::regex_search(s, mail.cend(), m, re); s = m.suffix().first) std::printf("%s at %s\n", m[1].str().c_str(), m[2].str().c_str());
  try { std::regex bad("("); } catch (std::regex_error &) { std::puts("bad regex"); }
  std::variant<int, std::string> v = "text";
  try { std::get<int>(v); } catch (std::bad_variant_access &) { std::puts("bad variant"); }
  try { std::any_cast<int>(std::any(std::string("x"))); } catch (std::bad_any_cast &) { std::puts("bad any"); }
  try { std::optional<int>().value(); } catch (std::bad_optional_access &) { std::puts("bad optional"); }
  std::mt19937 g(42);
  std::printf("%u %u\n", (unsigned)g(), (unsigned)g());
  std::random_device rd;
  std::printf("%d\n", rd() != rd() || rd() != rd());
  std::unordered_map<std::string, int> counts;
  std::istringstream words("a b a c b a");
  for (std::string w; words >> w;) counts[w]++;
  std::set<std::pair<int, std::string>> sorted;
  for (auto &[w, n] : counts) sorted.insert({-n, w});
  for (auto &[n, w] : sorted) std::printf("%s=%d ", w.c_str(), -n);
  std::puts("");
  auto t0 = std::chrono::steady_clock::now();
  auto t1 = std::chrono::steady_clock::now();
  std::printf("steady %d\n", t1 >= t0);
  auto shared = std::make_shared<int>(5);
  std::weak_ptr<int> weak = shared;
  std::printf("%ld %d\n", shared.use_count(), weak.expired());
  shared.reset();
  std::printf("%d\n", weak.expired());
  std::vector<int> big(100000);
  std::iota(big.begin(), big.end(), 1);
  std::printf("%lld\n", std::accumulate(big.begin(), big.end(), 0LL));
  std::stable_sort(big.begin(), big.end(), [](int a, int b) { return a % 10 < b % 10; });
  std::printf("%d %d\n", big[0], big.back());
  std::wstring ws = L"wide";
  std::wcout << ws << std::endl;
}
