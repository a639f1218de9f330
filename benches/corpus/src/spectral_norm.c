/* The largest singular value of an infinite matrix, cut off: integer to double conversions and divisions. */
#include "corpus.h"

#define SIZE 120

static double element(i32 i, i32 k) { return 1.0 / ((i + k) * (i + k + 1) / 2 + i + 1); }

static void multiply(const double *v, double *result, i32 transposed) {
  for (i32 i = 0; i < SIZE; i++) {
    double dot = 0;
    for (i32 k = 0; k < SIZE; k++) dot += (transposed ? element(k, i) : element(i, k)) * v[k];
    result[i] = dot;
  }
}

i64 run(i32 n) {
  double u[SIZE], v[SIZE], between[SIZE];
  for (i32 i = 0; i < SIZE; i++) u[i] = 1;
  for (i32 round = 0; round < n; round++) {
    multiply(u, between, 0);
    multiply(between, v, 1);
    multiply(v, between, 0);
    multiply(between, u, 1);
  }
  double uv = 0, vv = 0;
  for (i32 i = 0; i < SIZE; i++) {
    uv += u[i] * v[i];
    vv += v[i] * v[i];
  }
  return bits(__builtin_sqrt(uv / vv));
}
