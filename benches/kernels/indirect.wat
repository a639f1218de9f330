;; Calls one of four functions through a table in each turn of a loop.
(module
  (type $op (func (param i32) (result i32)))
  (table 4 4 funcref)
  (elem (i32.const 0) $a $b $c $d)
  (func $a (type $op) (i32.add (local.get 0) (i32.const 1)))
  (func $b (type $op) (i32.xor (local.get 0) (i32.const 0x5555)))
  (func $c (type $op) (i32.rotl (local.get 0) (i32.const 3)))
  (func $d (type $op) (i32.mul (local.get 0) (i32.const 7)))
  (func (export "run") (result i64)
    (local $i i32) (local $x i32)
    (local.set $i (i32.const 10000000))
    (loop $next
      (local.set $x (call_indirect (type $op) (local.get $x) (i32.and (local.get $i) (i32.const 3))))
      (br_if $next (local.tee $i (i32.sub (local.get $i) (i32.const 1)))))
    (i64.extend_i32_u (local.get $x))))
