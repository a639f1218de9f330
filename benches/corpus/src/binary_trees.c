/* Trees built, walked and freed: the C library's allocator. */
#include "corpus.h"

typedef struct Tree {
  struct Tree *left, *right;
} Tree;

static Tree *grow(i32 depth) {
  Tree *tree = malloc(sizeof(Tree));
  tree->left = depth > 0 ? grow(depth - 1) : NULL;
  tree->right = depth > 0 ? grow(depth - 1) : NULL;
  return tree;
}

static u32 count(const Tree *tree) {
  return tree->left == NULL ? 1 : 1 + count(tree->left) + count(tree->right);
}

static void fell(Tree *tree) {
  if (tree->left != NULL) {
    fell(tree->left);
    fell(tree->right);
  }
  free(tree);
}

i64 run(i32 n) {
  Tree *kept = grow(12);
  u64 sum = 0;
  for (i32 round = 0; round < n; round++) {
    Tree *tree = grow(4 + round % 8);
    sum = mix(sum, count(tree));
    fell(tree);
  }
  sum = mix(sum, count(kept));
  fell(kept);
  return sum;
}
