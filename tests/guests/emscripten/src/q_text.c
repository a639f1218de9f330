// Wide and multibyte characters, sorting, searching, numbers.
#include <ctype.h>
#include <fenv.h>
#include <inttypes.h>
#include <locale.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>
#include <wctype.h>
static int by_text(const void *a, const void *b) { return strcmp(*(char *const *)a, *(char *const *)b); }
int main(void) {
  setlocale(LC_ALL, "");
  const char *s = "naïve 日本 🎉";
  wchar_t w[32];
  size_t n = mbstowcs(w, s, 32);
  printf("%zu %zu %x\n", strlen(s), n, (unsigned)w[n - 1]);
  char back[64];
  printf("%zu %d\n", wcstombs(back, w, sizeof back), strcmp(back, s));
  printf("%ls|%lc|%.3ls\n", w, w[6], w);
  printf("%d %d %d\n", iswalpha(w[2]) != 0, towupper(w[2]) == 0xcf, wcwidth(L'日'));
  char *words[] = {"pear", "apple", "Zebra", "fig", "apple"};
  qsort(words, 5, sizeof *words, by_text);
  for (int i = 0; i < 5; i++) printf("%s ", words[i]);
  char *key = "fig";
  printf("%d\n", bsearch(&key, words, 5, sizeof *words, by_text) != NULL);
  char text[] = "a,b,,c";
  for (char *t = strtok(text, ","); t; t = strtok(NULL, ",")) printf("<%s>", t);
  printf("\n%s %s %d\n", strstr("haystack", "st"), strrchr("path/to/file", '/'), strncasecmp("ABC", "abd", 2));
  printf("%" PRId64 " %" PRIu64 " %" PRIx32 "\n", INT64_MIN, UINT64_MAX, (uint32_t)0xdeadbeef);
  printf("%.15g %.15g %.15g %.15g\n", sin(1), exp(10), pow(2, 0.5), fmod(10, 3.3));
  printf("%.15g %.15g %.15g %d\n", tgamma(5.5), erf(0.3), cbrt(27), (int)lrint(2.5));
  printf("%d %d %d\n", isnan(NAN) != 0, isinf(INFINITY) != 0, signbit(-0.0) != 0);
  div_t d = div(-17, 5);
  printf("%d %d %lld\n", d.quot, d.rem, llabs(-5000000000LL));
  printf("%lf %d\n", ldexp(0.75, 4), ilogb(1000));
  return 0;
}
