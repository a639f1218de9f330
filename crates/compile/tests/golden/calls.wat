;; How functions are reached, and what is checked on the way.
(module
  (type $final (func (param i32) (result i32)))
  (type $open (sub (func (param i32) (result i32))))
  (import "host" "f" (func $import (type $final)))
  (table $any 4 4 funcref)
  (table $typed 4 4 (ref null $final))
  (func $direct (param i32) (result i32)
    (call $direct (local.get 0)))
  (func $imported (param i32) (result i32)
    (call $import (local.get 0)))
  ;; One compare covers null, and every other type.
  (func $indirect (param i32) (result i32)
    (call_indirect $any (type $final) (local.get 0) (local.get 0)))
  ;; Other types may be subtypes of this one.
  (func $indirect_open (param i32) (result i32)
    (call_indirect $any (type $open) (local.get 0) (local.get 0)))
  ;; Only null is left to check.
  (func $indirect_typed (param i32) (result i32)
    (call_indirect $typed (type $final) (local.get 0) (local.get 0)))
  ;; The load is the check.
  (func $ref (param i32 (ref null $final)) (result i32)
    (call_ref $final (local.get 0) (local.get 1)))
  (func $tail (param i32) (result i32)
    (return_call $direct (local.get 0)))
  (func $tail_ref (param i32 (ref $final)) (result i32)
    (return_call_ref $final (local.get 0) (local.get 1))))
