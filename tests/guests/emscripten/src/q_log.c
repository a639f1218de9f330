// Emscripten's own log, random numbers, and libuuid.
#include <emscripten.h>
#include <stdio.h>
#include <string.h>
#include <uuid/uuid.h>

int main(void) {
  emscripten_log(0, "%d|%5d|%-5d|%05d|%+d|% d", 5, 5, 5, -5, 5, 5);
  emscripten_log(EM_LOG_CONSOLE, "%x %#X %o %hhd %lld %llu", 255, 255, 8, 200, -5LL, 123456789012ULL);
  emscripten_log(EM_LOG_INFO | EM_LOG_CONSOLE, "%.2f|%8.3f|%e|%g|%g", 3.14159, -1.5, 12345.678, 0.0001, 1e10);
  emscripten_log(0, "%s|%6s|%-6s|%.2s|%s|%c|%%", "größe", "ab", "ab", "abc", (char *)0, 'c');
  emscripten_log(EM_LOG_ERROR, "%s", "to stderr");
  emscripten_log(0, "%p %*d %.*f", (void *)0x1234, 6, 7, 1, 2.27);

  float random = emscripten_random();
  printf("random %d\n", random >= 0 && random < 1);
  uuid_t one, other;
  char text[37];
  uuid_generate(one);
  uuid_unparse(one, text);
  printf("%zu %c %d\n", strlen(text), text[14], uuid_is_null(one));
  printf("%d %d\n", uuid_parse(text, other), uuid_compare(one, other));
  uuid_clear(other);
  printf("%d %d\n", uuid_is_null(other), uuid_parse("no uuid", other));
  uuid_parse("00112233-4455-6677-8899-AABBCCDDEEFF", other);
  uuid_unparse_upper(other, text);
  puts(text);
  uuid_unparse_lower(other, text);
  puts(text);
  uuid_copy(one, other);
  printf("%d %d %d\n", uuid_compare(one, other), uuid_type(one), uuid_variant(one));
}
