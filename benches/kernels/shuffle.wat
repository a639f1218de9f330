;; Pixels of four bytes: swaps two of them, blends with a constant, saturates and narrows; 16 KiB, 400 times.
(module
  (memory 2)
  (func (export "run") (result i64)
    (local $i i32) (local $round i32) (local $x v128) (local $sum v128)
    (loop $fill
      (i32.store (i32.shl (local.get $i) (i32.const 2)) (i32.mul (local.get $i) (i32.const 0x9e3779b1)))
      (local.set $i (i32.add (local.get $i) (i32.const 1)))
      (br_if $fill (i32.lt_u (local.get $i) (i32.const 4096))))
    (loop $rounds
      (local.set $i (i32.const 0))
      (loop $inner
        (local.set $x (i8x16.shuffle 2 1 0 3 6 5 4 7 10 9 8 11 14 13 12 15
          (v128.load (local.get $i)) (v128.const i64x2 0 0)))
        (local.set $x (i8x16.narrow_i16x8_u
          (i16x8.shr_u (i16x8.mul (i16x8.extend_low_i8x16_u (local.get $x)) (i16x8.splat (i32.const 200))) (i32.const 8))
          (i16x8.shr_u (i16x8.mul (i16x8.extend_high_i8x16_u (local.get $x)) (i16x8.splat (i32.const 200))) (i32.const 8))))
        (local.set $x (i8x16.add_sat_u (local.get $x)
          (v128.bitselect (i8x16.splat (i32.const 40)) (i8x16.splat (i32.const 3))
            (i8x16.gt_u (local.get $x) (i8x16.splat (i32.const 100))))))
        (v128.store offset=65536 (local.get $i) (local.get $x))
        (local.set $sum (i32x4.add (local.get $sum) (i32x4.extadd_pairwise_i16x8_u (i16x8.extadd_pairwise_i8x16_u (local.get $x)))))
        (local.set $i (i32.add (local.get $i) (i32.const 16)))
        (br_if $inner (i32.lt_u (local.get $i) (i32.const 16384))))
      (local.set $round (i32.add (local.get $round) (i32.const 1)))
      (br_if $rounds (i32.lt_u (local.get $round) (i32.const 400))))
    (i64.add (i64x2.extract_lane 0 (local.get $sum)) (i64x2.extract_lane 1 (local.get $sum)))))
