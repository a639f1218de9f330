;; Two imports may be the same memory, so accesses to all memories are in one region.
(module
  (import "m" "a" (memory $a 1))
  (import "m" "b" (memory $b 1))
  (memory $own 1)
  (func $aliasing (param i32 i32) (result i32)
    (i32.store $a (local.get 0) (i32.const 1))
    (i32.store $b (local.get 0) (local.get 1))
    (i32.store $own (local.get 0) (i32.const 2))
    (i32.load $a (local.get 0)))
  (func $copy (param i32 i32 i32)
    (memory.copy $b $own (local.get 0) (local.get 1) (local.get 2)))
  ;; A size that cannot change is a constant.
  (memory $fixed i64 2 2)
  (func $fixed (param i64) (result i32)
    (i32.load $fixed (local.get 0)))
  (func $fixed_size (result i64)
    (memory.size $fixed)))
