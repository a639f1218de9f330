;; What the runtime does for code: growth of a memory, traps, the end of a loop that has none.
(module
  (memory (export "memory") 1)
  ;; Grows by n pages, one at a time; the last size.
  (func (export "grow") (param $n i32) (result i32)
    (local $size i32)
    (loop $next
      (local.set $size (memory.grow (i32.const 1)))
      (br_if $next (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
    (local.get $size))
  (func (export "unreachable") (unreachable))
  (func (export "out_of_bounds") (drop (i32.load (i32.const -8))))
  (func (export "forever") (loop $again (br $again))))
