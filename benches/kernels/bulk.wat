;; Copies and fills of small ranges, of constant and of changing length.
(module
  (memory 1)
  (func (export "run") (result i64)
    (local $i i32) (local $at i32)
    (loop $again
      (local.set $at (i32.and (i32.mul (local.get $i) (i32.const 64)) (i32.const 0x3fc0)))
      (memory.fill (local.get $at) (local.get $i) (i32.const 48))
      (memory.copy (i32.add (local.get $at) (i32.const 0x4000)) (local.get $at) (i32.const 24))
      (memory.fill (i32.add (local.get $at) (i32.const 0x8000)) (local.get $i)
        (i32.add (i32.const 16) (i32.and (local.get $i) (i32.const 127))))
      (memory.copy (i32.add (local.get $at) (i32.const 0x4100)) (i32.add (local.get $at) (i32.const 0x8000))
        (i32.add (i32.const 16) (i32.and (local.get $i) (i32.const 63))))
      (local.set $i (i32.add (local.get $i) (i32.const 1)))
      (br_if $again (i32.lt_u (local.get $i) (i32.const 300000))))
    (i64.add (i64.load (i32.const 0x4000)) (i64.load (i32.const 0x5108)))))
