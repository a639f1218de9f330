;; What is hardly ever reached is cold.
(module
  (func $unlikely_if (param i32) (result i32)
    (@metadata.code.branch_hint "\00")
    (if (result i32) (local.get 0) (then (i32.const 1)) (else (i32.const 2))))
  (func $likely_if (param i32) (result i32)
    (@metadata.code.branch_hint "\01")
    (if (result i32) (local.get 0) (then (i32.const 1)) (else (i32.const 2))))
  (func $unlikely_branch (param i32) (result i32)
    (block $out (result i32)
      (i32.const 1)
      (@metadata.code.branch_hint "\00")
      (br_if $out (local.get 0))))
  (func $likely_branch (param i32)
    (loop $again
      (@metadata.code.branch_hint "\01")
      (br_if $again (local.get 0)))))
