// Reading dates.
#include <stdio.h>
#include <string.h>
#include <time.h>
static void try(const char *text, const char *format) {
  struct tm t;
  memset(&t, 0, sizeof t);
  const char *end = strptime(text, format, &t);
  if (!end) { printf("%s: no\n", text); return; }
  printf("%s: %d-%02d-%02d %02d:%02d:%02d left '%s'\n", text, t.tm_year + 1900, t.tm_mon + 1, t.tm_mday, t.tm_hour, t.tm_min, t.tm_sec, end);
}
int main(void) {
  try("2023-08-16 09:05:07", "%Y-%m-%d %H:%M:%S");
  try("08/16/99", "%m/%d/%y");
  try("16 Aug 2023", "%d %b %Y");
  try("16 August 2023", "%d %B %Y");
  try("11:30:00 PM", "%I:%M:%S %p");
  try("no date", "%Y");
  struct tm t = {.tm_year = 123, .tm_mon = 7, .tm_mday = 16, .tm_hour = 9};
  printf("%s", asctime(&t));
  time_t z = 0;
  printf("%s", ctime(&z));
  return 0;
}
