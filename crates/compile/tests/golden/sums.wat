;; Indices of memories that are sums with a constant.
(module
  (memory 1)

  ;; Cannot wrap: the constant is part of the access, and so is the scale.
  (func $table (param i32) (result i32)
    (i32.load
      (i32.add
        (i32.shl (i32.and (local.get 0) (i32.const 255)) (i32.const 2))
        (i32.const 1024))))
  (func $bytes (param i32) (result i32)
    (i32.load8_u offset=8
      (i32.add
        (i32.xor (i32.load8_u (local.get 0)) (i32.shr_u (local.get 0) (i32.const 24)))
        (i32.const 1024))))

  ;; May wrap: added in 32 bits.
  (func $any (param i32) (result i32)
    (i32.load (i32.add (local.get 0) (i32.const 1024))))
  (func $negative (param i32) (result i32)
    (i32.load (i32.add (i32.and (local.get 0) (i32.const 255)) (i32.const -4))))

  ;; Beyond the guard region: likewise.
  (func $far (param i32) (result i32)
    (i32.load (i32.add (i32.and (local.get 0) (i32.const 255)) (i32.const 0x2000000)))))
