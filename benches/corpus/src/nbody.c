/* Five bodies under gravity: double arithmetic with divisions and square roots. */
#include "corpus.h"

typedef struct {
  double x, y, z, vx, vy, vz, mass;
} Body;

#define BODIES 5
#define STEP 0.01

static void advance(Body *bodies) {
  for (i32 i = 0; i < BODIES; i++)
    for (i32 k = i + 1; k < BODIES; k++) {
      Body *p = &bodies[i], *q = &bodies[k];
      double dx = p->x - q->x, dy = p->y - q->y, dz = p->z - q->z;
      double squared = dx * dx + dy * dy + dz * dz;
      double force = STEP / (squared * __builtin_sqrt(squared));
      p->vx -= dx * q->mass * force;
      p->vy -= dy * q->mass * force;
      p->vz -= dz * q->mass * force;
      q->vx += dx * p->mass * force;
      q->vy += dy * p->mass * force;
      q->vz += dz * p->mass * force;
    }
  for (i32 i = 0; i < BODIES; i++) {
    bodies[i].x += STEP * bodies[i].vx;
    bodies[i].y += STEP * bodies[i].vy;
    bodies[i].z += STEP * bodies[i].vz;
  }
}

i64 run(i32 n) {
  Body bodies[BODIES] = {
      {0, 0, 0, 0, 0, 0, 40},
      {5, -1, -0.1, 0.6, 2.8, 0, 0.04},
      {8, 4, -0.4, -1, 1.8, 0, 0.01},
      {13, -15, -0.2, 1.1, 0.9, 0, 0.002},
      {15, -26, 0.2, 1, 0.6, 0, 0.002},
  };
  for (i32 i = 0; i < n; i++) advance(bodies);
  u64 sum = 0;
  for (i32 i = 0; i < BODIES; i++) sum = mix(sum, bits(bodies[i].x + bodies[i].y + bodies[i].z));
  return sum;
}
