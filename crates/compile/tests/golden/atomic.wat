;; Alignment is checked on the index; atomic instructions take whole addresses. Atomic stores depend on the machine.
(module
  (memory $shared 1 4 shared)
  (memory $wide i64 1 4 shared)
  (func $load (param i32) (result i32)
    (i32.atomic.load (local.get 0)))
  (func $load_narrow_with_aligned_offset (param i32) (result i64)
    (i64.atomic.load16_u offset=4 (local.get 0)))
  (func $load_with_misaligned_offset (param i32) (result i32)
    (i32.atomic.load offset=5 (local.get 0)))
  (func $bytes_are_always_aligned (param i32) (result i32)
    (i32.atomic.rmw8.add_u (local.get 0) (i32.const 1)))
  (func $rmw_of_64_bit_memory (param i64 i64) (result i64)
    (i64.atomic.rmw.xor $wide (local.get 0) (local.get 1)))
  (func $cmpxchg (param i32 i64 i64) (result i64)
    (i64.atomic.rmw32.cmpxchg_u (local.get 0) (local.get 1) (local.get 2)))
  (func $fence
    (atomic.fence))
  ;; An atomic load: sizes of shared memories are sequentially consistent.
  (func $size (result i32)
    (memory.size))
  (func $wait (param i32 i64 i64) (result i32)
    (memory.atomic.wait64 offset=8 (local.get 0) (local.get 1) (local.get 2)))
  (func $notify (param i64) (result i32)
    (memory.atomic.notify $wide (local.get 0) (i32.const 1)))
  ;; No load is forwarded from one iteration to the next.
  (func $spin (param i32)
    (loop $again
      (br_if $again (i32.load (local.get 0))))))
