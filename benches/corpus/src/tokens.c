/* Source text cut into tokens, with keywords and numbers: a state machine over characters. */
#include "corpus.h"

typedef enum { END, NAME, KEYWORD, INTEGER, FRACTION, TEXT, COMMENT, SIGN } Token;

static const char *at;

static i32 is_name(char c) { return ((u32)c | 32) - 'a' < 26 || c == '_' || (u32)c - '0' < 10; }

static i32 is_keyword(const char *start, i32 length) {
  static const char *const keywords[] = {"if", "else", "while", "for", "return", "struct", "int", "static"};
  for (i32 i = 0; i < 8; i++) {
    const char *keyword = keywords[i];
    i32 k = 0;
    while (k < length && keyword[k] == start[k]) k++;
    if (k == length && keyword[k] == 0) return 1;
  }
  return 0;
}

static Token next_token(u32 *value) {
again:
  switch (*at) {
  case 0: return END;
  case ' ': case '\n': case '\t': at++; goto again;
  case '0': case '1': case '2': case '3': case '4': case '5': case '6': case '7': case '8': case '9': {
    u32 number = 0;
    while ((u32)*at - '0' < 10) number = number * 10 + (*at++ - '0');
    *value = number;
    if (*at != '.') return INTEGER;
    for (at++; (u32)*at - '0' < 10; at++) *value = *value * 3 + *at;
    return FRACTION;
  }
  case '"': {
    const char *start = at++;
    while (*at != '"') at += *at == '\\' ? 2 : 1;
    *value = ++at - start;
    return TEXT;
  }
  case '/':
    if (at[1] == '*') {
      const char *start = at;
      for (at += 2; at[0] != '*' || at[1] != '/'; at++) {}
      at += 2;
      *value = at - start;
      return COMMENT;
    }
    *value = *at++;
    return SIGN;
  case '<': case '>': case '=': case '!': case '+': case '-': case '&': case '|':
    *value = at[1] == '=' || at[1] == at[0] ? (u32)at[0] << 8 | at[1] : (u32)at[0];
    at += *value > 255 ? 2 : 1;
    return SIGN;
  default:
    if (is_name(*at)) {
      const char *start = at;
      u32 hash = 0;
      while (is_name(*at)) hash = hash * 31 + *at++;
      *value = hash;
      return is_keyword(start, at - start) ? KEYWORD : NAME;
    }
    *value = *at++;
    return SIGN;
  }
}

static char text[32768];

i64 run(i32 n) {
  static const char *const pieces[] = {
      "static int count = 0;\n", "/* what this does */ ", "while (i <= limit_of_it) {\n", "}\n",
      "values[i++] += 3.14159 * x;\n", "if (name == \"a \\\"quoted\\\" text\") return 17;\n", "else ",
      "struct list *next = head->next;\n", "for (k = 0; k < 1000000; k++) sum |= f(k, 42);\n",
  };
  u32 random = 89;
  u32 size = 0;
  while (size < sizeof text - 64)
    for (const char *c = pieces[next_random(&random) % 9]; *c; c++) text[size++] = *c;
  text[size] = 0;
  u64 sum = 0;
  for (i32 round = 0; round < n; round++) {
    u32 counts[8] = {0}, value = 0;
    at = text;
    for (Token token; (token = next_token(&value)) != END;) counts[token] += value;
    for (i32 i = 0; i < 8; i++) sum = mix(sum, counts[i]);
  }
  return sum;
}
