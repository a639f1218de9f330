(module
  (global $g (mut i32) (i32.const 0))

  ;; Inlined, with its local.
  (func $is_digit (param i32) (result i32)
    (i32.lt_u (i32.sub (local.get 0) (i32.const 48)) (i32.const 10)))
  (func $swap_sign (param i32) (result i32) (local i32)
    (local.set 1 (i32.sub (local.get 1) (local.get 0)))
    (local.set 0 (i32.const 7))
    (local.get 1))
  (func $both (param i32) (result i32)
    (call $is_digit (call $swap_sign (local.get 0))))

  ;; Calls that are inlined in turn, twice at most.
  (func $nested (param i32) (result i32)
    (call $both (local.get 0)))

  ;; Not inlined: it can trap; it calls what can; it has control flow; it calls itself.
  (func $divide (param i32) (result i32)
    (i32.div_u (i32.const 1) (local.get 0)))
  (func $divides (param i32) (result i32)
    (call $divide (local.get 0)))
  (func $flow (param i32) (result i32)
    (block (br_if 0 (local.get 0)) (global.set $g (i32.const 1)))
    (i32.const 2))
  (func $itself (result i32)
    (call $itself))
  (func $calls (result i32)
    (call $divides (call $flow (call $itself)))))
