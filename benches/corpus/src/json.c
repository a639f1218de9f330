/* A JSON parser that builds a tree, and a writer that prints it: branches on characters, recursion, small allocations. */
#include "corpus.h"

typedef enum { NIL, TRUTH, NUMBER, STRING, ARRAY, OBJECT } Kind;

typedef struct Value {
  Kind kind;
  double number;
  char *name, *text;
  struct Value *first, *next;
} Value;

static const char *at;

static void skip(void) {
  while (*at == ' ' || *at == '\n' || *at == '\t' || *at == '\r') at++;
}

static char *parse_string(void) {
  const char *start = ++at;
  while (*at != '"') at += *at == '\\' ? 2 : 1;
  char *text = malloc(at - start + 1), *to = text;
  for (const char *c = start; c < at; c++) {
    if (*c == '\\') {
      c++;
      *to++ = *c == 'n' ? '\n' : *c == 't' ? '\t' : *c;
    } else {
      *to++ = *c;
    }
  }
  *to = 0;
  at++;
  return text;
}

static double parse_number(void) {
  double value = 0, scale = 1, sign = 1;
  if (*at == '-') sign = -1, at++;
  for (; *at >= '0' && *at <= '9'; at++) value = value * 10 + (*at - '0');
  if (*at == '.')
    for (at++; *at >= '0' && *at <= '9'; at++) value += (scale /= 10) * (*at - '0');
  return sign * value;
}

static Value *parse(void) {
  Value *value = calloc(1, sizeof(Value));
  skip();
  char opened = *at;
  switch (opened) {
  case 'n': value->kind = NIL; at += 4; break;
  case 't': value->kind = TRUTH; value->number = 1; at += 4; break;
  case 'f': value->kind = TRUTH; at += 5; break;
  case '"': value->kind = STRING; value->text = parse_string(); break;
  case '[':
  case '{': {
    value->kind = opened == '[' ? ARRAY : OBJECT;
    Value **end = &value->first;
    at++;
    for (skip(); *at != ']' && *at != '}'; skip()) {
      char *name = NULL;
      if (opened == '{') {
        name = parse_string();
        skip();
        at++;
      }
      *end = parse();
      (*end)->name = name;
      end = &(*end)->next;
      skip();
      if (*at == ',') at++;
    }
    at++;
    break;
  }
  default: value->kind = NUMBER; value->number = parse_number();
  }
  return value;
}

static char *to;

static void put(const char *text) {
  while (*text) *to++ = *text++;
}

static void put_string(const char *text) {
  *to++ = '"';
  for (; *text; text++) {
    if (*text == '"' || *text == '\\') *to++ = '\\', *to++ = *text;
    else if (*text == '\n') put("\\n");
    else *to++ = *text;
  }
  *to++ = '"';
}

static void put_number(double number) {
  char digits[24];
  i32 count = 0;
  if (number < 0) *to++ = '-', number = -number;
  u64 thousandths = (u64)(number * 1000 + 0.5), whole = thousandths / 1000;
  do digits[count++] = '0' + whole % 10;
  while ((whole /= 10) != 0);
  while (count > 0) *to++ = digits[--count];
  if (thousandths % 1000 == 0) return;
  *to++ = '.';
  for (u32 rest = thousandths % 1000, scale = 100; rest > 0; rest %= scale, scale /= 10) *to++ = '0' + rest / scale;
}

static void print(const Value *value) {
  switch (value->kind) {
  case NIL: put("null"); break;
  case TRUTH: put(value->number != 0 ? "true" : "false"); break;
  case NUMBER: put_number(value->number); break;
  case STRING: put_string(value->text); break;
  default:
    *to++ = value->kind == ARRAY ? '[' : '{';
    for (const Value *child = value->first; child; child = child->next) {
      if (child->name) put_string(child->name), *to++ = ':';
      print(child);
      if (child->next) *to++ = ',';
    }
    *to++ = value->kind == ARRAY ? ']' : '}';
  }
}

static void release(Value *value) {
  while (value) {
    Value *next = value->next;
    release(value->first);
    free(value->name);
    free(value->text);
    free(value);
    value = next;
  }
}

static char text[65536], printed[65536];

/* A document of people, each with a few properties. */
static void write_document(u32 seed) {
  static const char *const names[] = {"Ada", "Blaise", "Charles \\\"C\\\"", "Edsger\\nW.", "Grace"};
  to = text;
  put("{\"version\": 1.5, \"people\": [\n");
  for (i32 i = 0; i < 100; i++) {
    put(i > 0 ? ",\n  {\"name\": \"" : "  {\"name\": \"");
    put(names[next_random(&seed) % 5]);
    put("\", \"age\": ");
    put_number(next_random(&seed) % 90);
    put(", \"balance\": ");
    put_number((i32)(next_random(&seed) % 2000000) / 1000.0 - 1000);
    put(i % 3 ? ", \"active\": true, " : ", \"active\": false, \"left\": null, ");
    put("\"scores\": [1, 22, 333.5, -4], \"address\": {\"street\": \"Elm\", \"number\": 7}}");
  }
  put("\n]}");
  *to = 0;
}

i64 run(i32 n) {
  u64 sum = 0;
  for (i32 round = 0; round < n; round++) {
    if (round % 8 == 0) write_document(round + 1);
    at = text;
    Value *document = parse();
    to = printed;
    print(document);
    *to = 0;
    release(document);
    u64 hash = 0;
    for (const char *c = printed; *c; c++) hash = hash * 31 + (u8)*c;
    sum = mix(sum, hash);
  }
  return sum;
}
