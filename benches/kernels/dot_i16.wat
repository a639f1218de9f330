;; Dot product of two arrays of 16,384 i16, with i32x4.dot_i16x8_s, 200 times.
(module
  (memory 2)
  (func (export "run") (result i64)
    (local $i i32) (local $round i32) (local $sum v128)
    (loop $fill
      (i32.store16 (i32.shl (local.get $i) (i32.const 1)) (i32.mul (local.get $i) (i32.const 40503)))
      (i32.store16 offset=32768 (i32.shl (local.get $i) (i32.const 1)) (i32.mul (local.get $i) (i32.const 9973)))
      (local.set $i (i32.add (local.get $i) (i32.const 1)))
      (br_if $fill (i32.lt_u (local.get $i) (i32.const 16384))))
    (loop $rounds
      (local.set $i (i32.const 0))
      (loop $inner
        (local.set $sum (i32x4.add (local.get $sum)
          (i32x4.dot_i16x8_s (v128.load (local.get $i)) (v128.load offset=32768 (local.get $i)))))
        (local.set $sum (i32x4.add (local.get $sum)
          (i32x4.dot_i16x8_s (v128.load offset=16 (local.get $i)) (v128.load offset=32784 (local.get $i)))))
        (local.set $i (i32.add (local.get $i) (i32.const 32)))
        (br_if $inner (i32.lt_u (local.get $i) (i32.const 32768))))
      (local.set $round (i32.add (local.get $round) (i32.const 1)))
      (br_if $rounds (i32.lt_u (local.get $round) (i32.const 200))))
    (i64.add
      (i64.extend_i32_u (i32.add (i32x4.extract_lane 0 (local.get $sum)) (i32x4.extract_lane 1 (local.get $sum))))
      (i64.extend_i32_u (i32.add (i32x4.extract_lane 2 (local.get $sum)) (i32x4.extract_lane 3 (local.get $sum)))))))
