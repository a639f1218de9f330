;; An atomic counter: read-modify-writes of a shared memory, whose old values are used and not.
(module
  (memory 1 1 shared)
  (func (export "run") (result i64)
    (local $i i32) (local $sum i64)
    (i64.atomic.store (i32.const 0) (i64.const 0))
    (local.set $i (i32.const 500000))
    (loop $again
      (local.set $sum (i64.add (local.get $sum) (i64.atomic.rmw.add (i32.const 0) (i64.const 3))))
      (drop (i64.atomic.rmw.add (i32.const 0) (i64.const 1)))
      (br_if $again (local.tee $i (i32.sub (local.get $i) (i32.const 1)))))
    (i64.add (local.get $sum) (i64.atomic.load (i32.const 0)))))
