// printf and scanf.
#include <float.h>
#include <limits.h>
#include <locale.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>

int main(void) {
  printf("[%d] [%5d] [%-5d] [%05d] [%+d] [% d]\n", 42, 42, 42, 42, 42, 42);
  printf("%u %x %X %#x %o %#o\n", UINT_MAX, 48879, 48879, 255, 8, 8);
  printf("%lld %llu %llx\n", LLONG_MIN, ULLONG_MAX, 0x123456789abcdefLL);
  printf("%f %.2f %10.3f %-10.1f| %e %g %G %a\n", M_PI, M_PI, M_PI, M_PI, 12345.678, 0.0001, 1e20, 1.0);
  printf("%f %f %f %.0f %.0f %.0f\n", INFINITY, -INFINITY, NAN, 0.5, 1.5, 2.5);
  printf("%.17g %.17g %g\n", 0.1, DBL_MAX, DBL_MIN);
  printf("%s %.3s %10s %-10s| %c %%\n", "text", "text", "right", "left", 'c');
  printf("%*d %.*f %p\n", 6, 42, 3, M_E, (void *)0x1234);
  int n;
  printf("count%n", &n);
  printf(" %d\n", n);
  printf("%hhd %hd %zu %jd %td\n", (char)300, (short)70000, (size_t)7, (intmax_t)-7, (ptrdiff_t)-8);
  printf("%ls %lc\n", L"wide", (wint_t)L'w');
  long double ld = 1.0L / 3;
  printf("%.15Lf\n", ld);
  char buf[32];
  printf("%d ", snprintf(buf, 8, "%s", "longer than eight"));
  printf("%s\n", buf);
  int a; float f; char s[16]; unsigned x;
  printf("%d ", sscanf("12 3.5 word ff", "%d %f %15s %x", &a, &f, s, &x));
  printf("%d %.1f %s %u\n", a, f, s, x);
  printf("%ld %lu %lld\n", strtol("-0x1f", NULL, 16), strtoul("077", NULL, 0), strtoll("9223372036854775807", NULL, 10));
  printf("%.10f %g\n", strtod("3.14159265358979", NULL), atof("1e-5"));
  int line = 0;
  char text[64];
  while (fgets(text, sizeof text, stdin)) { text[strcspn(text, "\n")] = 0; printf("%d:%s\n", ++line, text); }
  fprintf(stderr, "to stderr %d\n", line);
  puts("no newline follows");
  fputs("end", stdout);
  putchar('\n');
  return 0;
}
