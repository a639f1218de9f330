;; Dot product of two arrays of 8,192 f32 with four sums at a time, 400 times. The numbers are small integers, so that
;; the result does not depend on how products are rounded.
(module
  (memory 2)
  (func (export "run") (result i64)
    (local $i i32) (local $round i32) (local $a v128) (local $b v128) (local $total f32)
    (loop $fill
      (f32.store (i32.shl (local.get $i) (i32.const 2)) (f32.convert_i32_u (i32.and (local.get $i) (i32.const 7))))
      (f32.store offset=32768 (i32.shl (local.get $i) (i32.const 2)) (f32.convert_i32_u (i32.and (local.get $i) (i32.const 3))))
      (local.set $i (i32.add (local.get $i) (i32.const 1)))
      (br_if $fill (i32.lt_u (local.get $i) (i32.const 8192))))
    (loop $rounds
      (local.set $i (i32.const 0))
      (local.set $a (v128.const f32x4 0 0 0 0))
      (local.set $b (v128.const f32x4 0 0 0 0))
      (loop $inner
        (local.set $a (f32x4.add (local.get $a)
          (f32x4.mul (v128.load (local.get $i)) (v128.load offset=32768 (local.get $i)))))
        (local.set $b (f32x4.add (local.get $b)
          (f32x4.mul (v128.load offset=16 (local.get $i)) (v128.load offset=32784 (local.get $i)))))
        (local.set $i (i32.add (local.get $i) (i32.const 32)))
        (br_if $inner (i32.lt_u (local.get $i) (i32.const 32768))))
      (local.set $a (f32x4.add (local.get $a) (local.get $b)))
      (local.set $total (f32.add
        (f32.add (f32x4.extract_lane 0 (local.get $a)) (f32x4.extract_lane 1 (local.get $a)))
        (f32.add (f32x4.extract_lane 2 (local.get $a)) (f32x4.extract_lane 3 (local.get $a)))))
      (local.set $round (i32.add (local.get $round) (i32.const 1)))
      (br_if $rounds (i32.lt_u (local.get $round) (i32.const 400))))
    (i64.trunc_f32_u (local.get $total))))
