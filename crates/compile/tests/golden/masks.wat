;; Masks that remove nothing, as loops and conditions tell.
(module
  (memory 1)

  ;; Read before the loop, which passes it on: a byte still.
  (func $passed_on (param $i i32) (local $byte i32)
    (local.set $byte (i32.load8_u (local.get $i)))
    (loop $next
      (i32.store (local.get $i) (i32.and (local.get $byte) (i32.const 255)))
      (br_if $next (local.tee $i (i32.sub (local.get $i) (i32.const 1))))))

  ;; Always a byte again when the loop begins anew.
  (func $renewed (param $i i32) (local $byte i32)
    (loop $next
      (i32.store (local.get $i) (i32.and (local.get $byte) (i32.const 255)))
      (local.set $byte (i32.load8_u (local.get $i)))
      (br_if $next (local.tee $i (i32.sub (local.get $i) (i32.const 1))))))

  ;; No more than 7 bits, but more than 6.
  (func $counted (param $i i32) (local $n i32)
    (loop $next
      (i32.store offset=0 (local.get $i) (i32.and (local.get $n) (i32.const 127)))
      (i32.store offset=4 (local.get $i) (i32.and (local.get $n) (i32.const 63)))
      (br_if $next
        (i32.ne (local.tee $n (i32.add (local.get $n) (i32.const 1))) (i32.const 100)))))

  ;; Known where it was compared, not before.
  (func $compared (param $i i32)
    (i32.store offset=0 (i32.const 0) (i32.and (local.get $i) (i32.const 127)))
    (if (i32.lt_u (local.get $i) (i32.const 100))
      (then (i32.store offset=4 (i32.const 0) (i32.and (local.get $i) (i32.const 127)))))))
