;; Throws from a callee, catches in the caller.
(module
  (tag $odd (param i64))
  (func $check (param i64) (result i64)
    (if (i64.eq (i64.and (local.get 0) (i64.const 1)) (i64.const 1))
      (then (throw $odd (i64.mul (local.get 0) (i64.const 3)))))
    (local.get 0))
  (func (export "run") (result i64)
    (local $i i64) (local $sum i64)
    (loop $again
      (local.set $sum (i64.add (local.get $sum)
        (block $caught (result i64)
          (try_table (result i64) (catch $odd $caught) (call $check (local.get $i))))))
      (local.set $i (i64.add (local.get $i) (i64.const 1)))
      (br_if $again (i64.lt_u (local.get $i) (i64.const 200000))))
    (local.get $sum)))
