;; Throws over 1,000 frames.
(module
  (tag $bottom (param i64))
  (func $dive (param i64) (result i64)
    (if (i64.eqz (local.get 0)) (then (throw $bottom (i64.const 7))))
    (i64.add (call $dive (i64.sub (local.get 0) (i64.const 1))) (i64.const 1)))
  (func (export "run") (result i64)
    (local $i i64) (local $sum i64)
    (loop $again
      (local.set $sum (i64.add (local.get $sum)
        (block $caught (result i64)
          (try_table (result i64) (catch $bottom $caught) (call $dive (i64.const 1000))))))
      (local.set $i (i64.add (local.get $i) (i64.const 1)))
      (br_if $again (i64.lt_u (local.get $i) (i64.const 200))))
    (local.get $sum)))
