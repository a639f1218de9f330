;; Follows a chain of 4-byte links through 64 KiB: latency of dependent loads.
(module
  (memory 1)
  (func (export "run") (result i64)
    (local $i i32) (local $p i32)
    (loop $fill
      (i32.store (i32.shl (local.get $i) (i32.const 2))
        (i32.shl (i32.and (i32.add (i32.mul (local.get $i) (i32.const 5)) (i32.const 4099)) (i32.const 16383)) (i32.const 2)))
      (local.set $i (i32.add (local.get $i) (i32.const 1)))
      (br_if $fill (i32.lt_u (local.get $i) (i32.const 16384))))
    (local.set $i (i32.const 5000000))
    (loop $follow
      (local.set $p (i32.load (local.get $p)))
      (br_if $follow (local.tee $i (i32.sub (local.get $i) (i32.const 1)))))
    (i64.extend_i32_u (local.get $p))))
