;; Indices are clamped to the length, beyond which nothing is accessible up to the end of the guard region of 32 MiB.
(module
  (memory i64 1024)
  ;; One check serves both, because it does not depend on the offset.
  (func $clamped (param i64) (result i32)
    (i32.add (i32.load (local.get 0)) (i32.load offset=4 (local.get 0))))
  (func $clamped_store (param i64 f64)
    (f64.store offset=0x1fffff8 (local.get 0) (local.get 1)))
  ;; The guard region does not cover the offset, but the minimum of 64 MiB does: the length less the offset is not
  ;; negative.
  (func $offset_within_minimum (param i64) (result i32)
    (i32.load8_u offset=0x2000000 (local.get 0)))
  ;; The sum may wrap.
  (func $offset_beyond_minimum (param i64) (result i32)
    (i32.load offset=0x4000001 (local.get 0)))
  (func $largest_offset (param i64) (result i32)
    (i32.load8_u offset=0xfffffffffffffffe (local.get 0)))
  ;; Never in bounds.
  (func $overflowing_offset (param i64) (result i64)
    (i64.load offset=0xfffffffffffffff8 (local.get 0)))
  (func $constant_index_in_minimum (result i32)
    (i32.load8_u (i64.const 0x3ffffff)))
  (func $constant_index_beyond_minimum (result i32)
    (i32.load8_u (i64.const 0x4000000)))
  (func $constant_index_negative (result i32)
    (i32.load8_u offset=1 (i64.const -1)))
  (func $size (result i64)
    (memory.size))
  (func $grow (param i64) (result i64)
    (memory.grow (local.get 0))))
