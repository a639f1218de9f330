/* An interpreter of a stack machine: a `br_table` in a loop. It runs a program that counts primes and one that computes
 * Collatz lengths. */
#include "corpus.h"

enum { PUSH, LOAD, STORE, ADD, SUB, MUL, MOD, AND, SHR, LESS, EQUAL, JUMP, JUMP_ZERO, DUP, CALL, RETURN, HALT };

static i32 code[128], size;

static i32 interpret(i32 argument) {
  i32 stack[64], locals[16] = {argument}, calls[16];
  i32 *top = stack, *call = calls;
  *top = 0;
  for (const i32 *pc = code;;) {
    switch (*pc++) {
    case PUSH: *++top = *pc++; break;
    case LOAD: *++top = locals[*pc++]; break;
    case STORE: locals[*pc++] = *top--; break;
    case ADD: top--; *top += top[1]; break;
    case SUB: top--; *top -= top[1]; break;
    case MUL: top--; *top *= top[1]; break;
    case MOD: top--; *top %= top[1]; break;
    case AND: top--; *top &= top[1]; break;
    case SHR: top--; *top >>= top[1]; break;
    case LESS: top--; *top = *top < top[1]; break;
    case EQUAL: top--; *top = *top == top[1]; break;
    case JUMP: pc = code + *pc; break;
    case JUMP_ZERO: pc = *top-- == 0 ? code + *pc : pc + 1; break;
    case DUP: top[1] = *top; top++; break;
    case CALL: *call++ = (i32)(pc + 1 - code); pc = code + *pc; break;
    case RETURN: pc = code + *--call; break;
    default: return *top;
    }
  }
}

/* Appends an instruction; returns where its operand is, so that a jump forward can be completed by `here`. */
static i32 emit(i32 op) { return code[size++] = op, size; }
static i32 emit_with(i32 op, i32 operand) { return code[size++] = op, code[size++] = operand, size - 1; }
static void here(i32 place) { code[place] = size; }

/* Local 0: limit, 1: candidate, 2: divisor, 3: count. Increments are a subroutine, to have calls. */
static void assemble_primes(void) {
  size = 0;
  emit_with(PUSH, 0), emit_with(STORE, 3), emit_with(PUSH, 2), emit_with(STORE, 1);
  i32 start = emit_with(JUMP, 0);
  i32 increment = size;
  emit_with(PUSH, 1), emit(ADD), emit(RETURN);
  here(start);
  i32 next_candidate = size;
  emit_with(LOAD, 1), emit_with(LOAD, 0), emit(LESS);
  i32 end = emit_with(JUMP_ZERO, 0);
  emit_with(PUSH, 2), emit_with(STORE, 2);
  i32 next_divisor = size;
  emit_with(LOAD, 1), emit_with(LOAD, 2), emit(DUP), emit(MUL), emit(LESS);
  i32 more = emit_with(JUMP_ZERO, 0);
  emit_with(LOAD, 3), emit_with(CALL, increment), emit_with(STORE, 3);
  i32 prime = emit_with(JUMP, 0);
  here(more);
  emit_with(LOAD, 1), emit_with(LOAD, 2), emit(MOD);
  i32 composite = emit_with(JUMP_ZERO, 0);
  emit_with(LOAD, 2), emit_with(CALL, increment), emit_with(STORE, 2), emit_with(JUMP, next_divisor);
  here(prime);
  here(composite);
  emit_with(LOAD, 1), emit_with(CALL, increment), emit_with(STORE, 1), emit_with(JUMP, next_candidate);
  here(end);
  emit_with(LOAD, 3), emit(HALT);
}

/* Local 0: start, 1: length. */
static void assemble_collatz(void) {
  size = 0;
  emit_with(PUSH, 0), emit_with(STORE, 1);
  i32 again = size;
  emit_with(LOAD, 0), emit_with(PUSH, 1), emit(EQUAL);
  i32 more = emit_with(JUMP_ZERO, 0);
  emit_with(LOAD, 1), emit(HALT);
  here(more);
  emit_with(LOAD, 1), emit_with(PUSH, 1), emit(ADD), emit_with(STORE, 1);
  emit_with(LOAD, 0), emit_with(PUSH, 1), emit(AND);
  i32 even = emit_with(JUMP_ZERO, 0);
  emit_with(LOAD, 0), emit(DUP), emit(DUP), emit(ADD), emit(ADD), emit_with(PUSH, 1), emit(ADD);
  i32 odd = emit_with(JUMP, 0);
  here(even);
  emit_with(LOAD, 0);
  here(odd);
  emit_with(PUSH, 1), emit(SHR), emit_with(STORE, 0), emit_with(JUMP, again);
}

i64 run(i32 n) {
  assemble_primes();
  u64 sum = mix(0, interpret(n));
  assemble_collatz();
  for (i32 i = 1; i < n; i++) sum = mix(sum, interpret(i));
  return sum;
}
