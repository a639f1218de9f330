;; Calls that have handlers list them, innermost first; other calls cost nothing.
(module
  (tag $a (param i32 i64))
  (tag $b)
  ;; With a block, so that it is not inlined.
  (func $callee (param i32) (block))
  (func $no_handler
    (call $callee (i32.const 1)))
  (func $nested (result i32)
    (block $outer
      (try_table (catch_all $outer)
        (block $inner (result i32 i64)
          (try_table (catch $a $inner) (catch $b $outer)
            (call $callee (i32.const 2)))
          (return (i32.const 3)))
        (drop) (return)))
    (i32.const 4))
  (func $throws (param i32)
    (throw $a (local.get 0) (i64.const 5)))
  (func $older (result i32)
    try (result i32)
      i32.const 6
      call $callee
      i32.const 7
    catch $a
      drop
    catch_all
      rethrow 0
    end)
  (func $reference (param exnref)
    (throw_ref (local.get 0))))
