(module
  (func $f)

  ;; A call, in a block out of the way.
  (func $condition (param i32)
    (if (local.get 0) (then (unreachable))))

  ;; A fault, as it is not expected to be reached.
  (func $behind_a_call
    (call $f)
    (unreachable)))
