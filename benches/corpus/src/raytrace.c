/* A picture of spheres over a floor, with shadows and reflections: double arithmetic in small structures. */
#include "corpus.h"

typedef struct {
  double x, y, z;
} Vector;

typedef struct {
  Vector center;
  double radius, shine;
  Vector color;
} Sphere;

static const Sphere spheres[] = {
    {{0, 1, 6}, 1, 0.3, {0.9, 0.2, 0.2}},       {{2, 0.6, 5}, 0.6, 0.5, {0.2, 0.8, 0.3}},
    {{-2, 0.8, 5.5}, 0.8, 0.2, {0.2, 0.3, 0.9}}, {{0.7, 0.3, 4}, 0.3, 0.6, {0.9, 0.9, 0.3}},
    {{-0.8, 0.4, 4.2}, 0.4, 0, {0.6, 0.6, 0.6}}, {{0, -1000, 0}, 1000, 0.1, {0.5, 0.5, 0.5}},
};
#define SPHERES ((i32)(sizeof spheres / sizeof *spheres))

static Vector add(Vector a, Vector b) { return (Vector){a.x + b.x, a.y + b.y, a.z + b.z}; }
static Vector sub(Vector a, Vector b) { return (Vector){a.x - b.x, a.y - b.y, a.z - b.z}; }
static Vector scale(Vector a, double by) { return (Vector){a.x * by, a.y * by, a.z * by}; }
static double dot(Vector a, Vector b) { return a.x * b.x + a.y * b.y + a.z * b.z; }
static Vector unit(Vector a) { return scale(a, 1 / __builtin_sqrt(dot(a, a))); }

/* The nearest sphere that the ray meets, or -1. */
static i32 hit(Vector origin, Vector direction, double *distance) {
  i32 nearest = -1;
  *distance = 1e9;
  for (i32 i = 0; i < SPHERES; i++) {
    Vector to_center = sub(spheres[i].center, origin);
    double along = dot(to_center, direction);
    double inside = spheres[i].radius * spheres[i].radius - dot(to_center, to_center) + along * along;
    if (inside < 0) continue;
    double root = __builtin_sqrt(inside), t = along - root;
    if (t < 1e-6) t = along + root;
    if (t > 1e-6 && t < *distance) {
      *distance = t;
      nearest = i;
    }
  }
  return nearest;
}

static Vector trace(Vector origin, Vector direction, i32 depth) {
  double distance, unused;
  i32 index = hit(origin, direction, &distance);
  if (index < 0) return (Vector){0.5, 0.7, 0.5 + 0.5 * direction.y};
  const Sphere *sphere = &spheres[index];
  Vector point = add(origin, scale(direction, distance));
  Vector normal = unit(sub(point, sphere->center));
  Vector light = unit((Vector){3, 5, -4});
  Vector above = add(point, scale(normal, 1e-4));
  double brightness = dot(normal, light);
  if (brightness < 0 || hit(above, light, &unused) >= 0) brightness = 0;
  Vector color = scale(sphere->color, 0.2 + 0.8 * brightness);
  if (sphere->shine == 0 || depth == 0) return color;
  Vector mirrored = sub(direction, scale(normal, 2 * dot(direction, normal)));
  Vector seen = trace(above, mirrored, depth - 1);
  return add(scale(color, 1 - sphere->shine), scale(seen, sphere->shine));
}

i64 run(i32 n) {
  u64 sum = 0;
  for (i32 row = 0; row < n; row++)
    for (i32 column = 0; column < n; column++) {
      Vector direction = unit((Vector){2.0 * column / n - 1, 1 - 2.0 * row / n, 2});
      Vector color = trace((Vector){0, 1, -1}, direction, 3);
      sum = mix(sum, (u32)(color.x * 255) << 16 | (u32)(color.y * 255) << 8 | (u32)(color.z * 255));
    }
  return sum;
}
