// iostream, sstream, fstream, locale-free formats.
#include <algorithm>
#include <fstream>
#include <iomanip>
#include <iostream>
#include <map>
#include <sstream>
#include <string>
#include <vector>

int main() {
  std::cout << std::hex << 255 << ' ' << std::uppercase << 255 << std::dec << ' ' << std::setw(6) << 42 << '|' << std::left << std::setw(6) << 42 << "|\n";
  std::cout << std::fixed << std::setprecision(3) << 3.14159 << ' ' << std::scientific << 31415.9 << std::defaultfloat << ' ' << 1e10 << '\n';
  std::cout << std::boolalpha << true << ' ' << std::setfill('*') << std::right << std::setw(8) << "x" << '\n';
  std::ostringstream os;
  os << 1 << ',' << 2.5 << ',' << "three";
  std::cout << os.str() << '\n';
  std::istringstream is("10 20 thirty");
  int a, b; std::string c;
  is >> a >> b >> c;
  std::cout << a + b << c << ' ' << is.eof() << '\n';
  { std::ofstream f("/tmp/s.txt"); for (int i = 0; i < 3; i++) f << "row " << i << '\n'; }
  std::ifstream f("/tmp/s.txt");
  std::string line;
  while (std::getline(f, line)) std::cout << '<' << line << '>';
  std::cout << '\n' << std::ifstream("/tmp/none").is_open() << '\n';
  std::map<std::string, int> words;
  for (std::string w; std::cin >> w;) words[w]++;
  for (auto &[w, n] : words) std::cout << w << '=' << n << ' ';
  std::cout << std::endl;
  std::cerr << "err " << words.size() << std::endl;
  std::vector<int> v{5, 3, 9, 1};
  std::sort(v.begin(), v.end());
  for (int x : v) std::cout << x << ' ';
  std::cout << "\n";
}
