;; The whole index is compared; what its shift loses does not matter, as the address is masked.
(module
  (type $t (func))
  (table $fixed i64 10 10 funcref)
  (table $growing i64 10 externref)
  (func $call (param i64)
    (call_indirect $fixed (type $t) (local.get 0)))
  (func $get (param i64) (result externref)
    (table.get $growing (local.get 0)))
  (func $size_and_grow (param i64) (result i64 i64)
    (table.size $growing)
    (table.grow $growing (ref.null extern) (local.get 0))))
