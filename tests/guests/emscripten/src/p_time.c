// Calendar times; run with several zones. Left out is what Emscripten 3.1.6 has wrong: tm_yday in summer time, tm_year of
// mktime, %W.
#include <stdio.h>
#include <string.h>
#include <time.h>

static void show(const char *what, const struct tm *t) {
  printf("%s %d-%02d-%02d %02d:%02d:%02d w%d dst%d off%ld\n", what, t->tm_year + 1900, t->tm_mon + 1, t->tm_mday,
         t->tm_hour, t->tm_min, t->tm_sec, t->tm_wday, t->tm_isdst, t->tm_gmtoff);
}

int main(void) {
  time_t times[] = {0, 1, -1, 951782400, 1700000000, 1690000000, 1679792399, 1679792400, 1698541199, 1698541200, 2147483647};
  for (int i = 0; i < (int)(sizeof times / sizeof *times); i++) {
    struct tm t = *gmtime(&times[i]);
    printf("%d-%02d-%02d %02d:%02d:%02d w%d y%d\n", t.tm_year + 1900, t.tm_mon + 1, t.tm_mday, t.tm_hour, t.tm_min,
           t.tm_sec, t.tm_wday, t.tm_yday);
    t = *localtime(&times[i]);
    show("local", &t);
    struct tm back = t;
    printf("back %d\n", mktime(&back) == times[i]);
    t = *gmtime(&times[i]);
    printf("timegm %d\n", timegm(&t) == times[i]);
  }
  struct tm odd = {.tm_year = 123, .tm_mon = 14, .tm_mday = -3, .tm_hour = 30, .tm_min = 75, .tm_sec = -10, .tm_isdst = -1};
  time_t t = mktime(&odd);
  printf("odd %ld %d-%d %d:%d:%d\n", (long)t, odd.tm_mon + 1, odd.tm_mday, odd.tm_hour, odd.tm_min, odd.tm_sec);
  struct tm gap = {.tm_year = 123, .tm_mon = 2, .tm_mday = 26, .tm_hour = 2, .tm_min = 30, .tm_isdst = -1};
  printf("gap %ld\n", (long)mktime(&gap));
  struct tm fold = {.tm_year = 123, .tm_mon = 9, .tm_mday = 29, .tm_hour = 2, .tm_min = 30, .tm_isdst = -1};
  printf("fold %ld\n", (long)mktime(&fold));
  struct tm winter = {.tm_year = 123, .tm_mon = 0, .tm_mday = 10, .tm_hour = 12, .tm_isdst = 1};
  printf("summer time in winter %ld\n", (long)mktime(&winter));
  tzset();
  printf("timezone %ld daylight %d\n", timezone, daylight != 0);
  char buf[200];
  t = 1692176707;
  struct tm *u = gmtime(&t);
  const char *formats[] = {"%a %A %b %B", "%C %d %D %e %F", "%g %G %h %H %I %j", "%m %M %n %p %r %R", "%S %t %T %u %U", "%V %w %x %X", "%y %Y %%", "%Ey %Od %EY"};
  for (int i = 0; i < 8; i++) {
    int n = strftime(buf, sizeof buf, formats[i], u);
    printf("%d %s\n", n, buf);
  }
  printf("too small %d\n", (int)strftime(buf, 4, "%Y", u));
  printf("fits %d\n", (int)strftime(buf, 5, "%Y", u));
  printf("%s", asctime(u));
  struct timespec ts;
  printf("clock %d %d\n", clock_gettime(CLOCK_REALTIME, &ts), ts.tv_sec > 1600000000);
  struct timespec a, b;
  clock_gettime(CLOCK_MONOTONIC, &a);
  clock_gettime(CLOCK_MONOTONIC, &b);
  printf("monotonic %d\n", b.tv_sec > a.tv_sec || (b.tv_sec == a.tv_sec && b.tv_nsec >= a.tv_nsec));
  printf("difftime %.0f\n", difftime(100, 40));
  return 0;
}
