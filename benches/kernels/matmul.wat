;; Product of two 160 x 160 matrices of f64: the plain triple loop.
(module
  (memory 16)
  (global $n i32 (i32.const 160))
  (func $at (param $base i32) (param $row i32) (param $column i32) (result i32)
    (i32.add (local.get $base)
      (i32.shl (i32.add (i32.mul (local.get $row) (i32.const 160)) (local.get $column)) (i32.const 3))))
  (func (export "run") (result i64)
    (local $i i32) (local $j i32) (local $k i32) (local $sum f64) (local $p i32) (local $q i32)
    (loop $fill
      (f64.store (i32.shl (local.get $i) (i32.const 3)) (f64.convert_i32_u (i32.and (local.get $i) (i32.const 15))))
      (f64.store offset=204800 (i32.shl (local.get $i) (i32.const 3)) (f64.convert_i32_u (i32.and (local.get $i) (i32.const 7))))
      (local.set $i (i32.add (local.get $i) (i32.const 1)))
      (br_if $fill (i32.lt_u (local.get $i) (i32.const 25600))))
    (local.set $i (i32.const 0))
    (loop $rows
      (local.set $j (i32.const 0))
      (loop $columns
        (local.set $sum (f64.const 0))
        (local.set $k (i32.const 0))
        (local.set $p (call $at (i32.const 0) (local.get $i) (i32.const 0)))
        (local.set $q (call $at (i32.const 204800) (i32.const 0) (local.get $j)))
        (loop $inner
          (local.set $sum (f64.add (local.get $sum) (f64.mul (f64.load (local.get $p)) (f64.load (local.get $q)))))
          (local.set $p (i32.add (local.get $p) (i32.const 8)))
          (local.set $q (i32.add (local.get $q) (i32.const 1280)))
          (local.set $k (i32.add (local.get $k) (i32.const 1)))
          (br_if $inner (i32.lt_u (local.get $k) (global.get $n))))
        (f64.store (call $at (i32.const 409600) (local.get $i) (local.get $j)) (local.get $sum))
        (local.set $j (i32.add (local.get $j) (i32.const 1)))
        (br_if $columns (i32.lt_u (local.get $j) (global.get $n))))
      (local.set $i (i32.add (local.get $i) (i32.const 1)))
      (br_if $rows (i32.lt_u (local.get $i) (global.get $n))))
    (i64.trunc_f64_u (f64.load offset=409600 (i32.const 8008)))))
