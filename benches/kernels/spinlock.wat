;; A spin lock around a plain counter, without a rival: compare-and-exchange to take it, an atomic store to give it back.
(module
  (memory 1 1 shared)
  (func (export "run") (result i64)
    (local $i i32)
    (i64.store (i32.const 64) (i64.const 0))
    (local.set $i (i32.const 500000))
    (loop $again
      (loop $locked
        (br_if $locked (i32.atomic.rmw.cmpxchg (i32.const 0) (i32.const 0) (i32.const 1))))
      (i64.store (i32.const 64) (i64.add (i64.load (i32.const 64)) (i64.extend_i32_u (local.get $i))))
      (i32.atomic.store (i32.const 0) (i32.const 0))
      (br_if $again (local.tee $i (i32.sub (local.get $i) (i32.const 1)))))
    (i64.load (i32.const 64))))
