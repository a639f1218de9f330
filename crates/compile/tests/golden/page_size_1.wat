;; What follows the last byte may be accessible, so every access is checked exactly.
(module
  (memory $narrow 100 (pagesize 1))
  (memory $wide i64 100 (pagesize 1))
  ;; The minimum covers offset and size: the length less these is not negative.
  (func $narrow_in_minimum (param i32) (result i64)
    (i64.load $narrow offset=92 (local.get 0)))
  (func $narrow (param i32) (result i64)
    (i64.load $narrow offset=93 (local.get 0)))
  (func $wide_in_minimum (param i64) (result i64)
    (i64.load $wide offset=92 (local.get 0)))
  ;; The sum may wrap.
  (func $wide (param i64 i64)
    (i64.store $wide offset=93 (local.get 0) (local.get 1)))
  (func $constant_index (result i32)
    (i32.load $narrow (i32.const 96)))
  (func $constant_index_beyond (result i32)
    (i32.load $narrow (i32.const 97)))
  (func $size (result i32 i64)
    (memory.size $narrow)
    (memory.size $wide)))
