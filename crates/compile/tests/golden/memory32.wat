;; All that a 32-bit index can reach is reserved, and a guard region of 32 MiB follows.
(module
  (memory 1)
  (func $no_check (param i32) (result i32)
    (i32.load (local.get 0)))
  (func $no_check_with_offset (param i32) (result i64)
    (i64.load offset=16 (local.get 0)))
  ;; The last offset that the guard region covers for any index, and the first that it does not.
  (func $last_offset_without_check (param i32) (result i32)
    (i32.load8_u offset=0x1ffffff (local.get 0)))
  (func $first_offset_with_check (param i32) (result i32)
    (i32.load8_u offset=0x2000000 (local.get 0)))
  (func $masked_store (param i32 i64)
    (i64.store offset=0xffffffff (local.get 0) (local.get 1)))
  ;; With a constant index the sum counts.
  (func $constant_index (result i32)
    (i32.load offset=0x2000000 (i32.const 0)))
  (func $constant_index_beyond (result i32)
    (i32.load offset=0xffffffff (i32.const -1))))
