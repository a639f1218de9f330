;; Indices of a 32-bit memory that depend on the counters of loops.
(module
  (memory 1)

  ;; Ends exactly where it is compared, so neither the product nor the sum wraps.
  (func $counted (local $i i32)
    (loop $next
      (i32.store (i32.add (i32.shl (local.get $i) (i32.const 2)) (i32.const 1024)) (local.get $i))
      (br_if $next
        (i32.ne (local.tee $i (i32.add (local.get $i) (i32.const 4))) (i32.const 400)))))

  ;; Does not meet the end, so it goes on beyond.
  (func $missed (local $i i32)
    (loop $next
      (i32.store (i32.add (i32.shl (local.get $i) (i32.const 2)) (i32.const 1024)) (local.get $i))
      (br_if $next
        (i32.ne (local.tee $i (i32.add (local.get $i) (i32.const 4))) (i32.const 402)))))

  ;; Tested at the top, signed, against anything: no more than the largest signed number.
  (func $signed (param $n i32) (local $i i32)
    (block $done
      (loop $next
        (br_if $done (i32.ge_s (local.get $i) (local.get $n)))
        (i32.store8 (i32.add (local.get $i) (i32.const 1024)) (local.get $i))
        (local.set $i (i32.add (local.get $i) (i32.const 1)))
        (br $next))))

  ;; As often as the one counter lets it, the other is moved; the outer loop's is the same in all of the inner loop.
  (func $nested (local $row i32) (local $y i32) (local $x i32)
    (loop $rows
      (local.set $x (i32.const 0))
      (loop $columns
        (i32.store8
          (i32.add (i32.add (local.get $row) (local.get $x)) (i32.const 1024))
          (local.get $y))
        (br_if $columns
          (i32.ne (local.tee $x (i32.add (local.get $x) (i32.const 1))) (i32.const 16))))
      (local.set $row (i32.add (local.get $row) (i32.const 256)))
      (br_if $rows
        (i32.ne (local.tee $y (i32.add (local.get $y) (i32.const 1))) (i32.const 16)))))

  ;; The counter depends on what it passes to a block inside of the loop, which depends on it.
  (func $heap (local $i i32) (local $child i32)
    (loop $next
      (i32.store8 (i32.add (local.get $i) (i32.const 1024)) (local.get $i))
      (local.set $child (i32.add (local.get $i) (i32.const 1)))
      (if (i32.load8_u (local.get $child)) (then (local.set $child (local.get $i))))
      (i32.store8 (i32.add (local.get $child) (i32.const 2048)) (local.get $i))
      (local.set $i (i32.add (i32.shl (local.get $child) (i32.const 1)) (i32.const 1)))
      (br_if $next (i32.lt_u (local.get $i) (i32.const 100)))))

  ;; Known where it was compared, not before.
  (func $compared (param $i i32)
    (i32.store8 (i32.add (local.get $i) (i32.const 1024)) (local.get $i))
    (if (i32.lt_u (local.get $i) (i32.const 100))
      (then (i32.store8 (i32.add (local.get $i) (i32.const 2048)) (local.get $i))))))
