(module
  (memory 1)

  ;; Few runs of equal targets: compares.
  (func $runs (param i32) (result i32)
    block block block
      (br_table 0 0 0 2 1 1 2 (local.get 0))
    end (return (i32.const 10))
    end (return (i32.const 11))
    end (i32.const 12))

  ;; Each target once: a jump table.
  (func $distinct (param i32) (result i32)
    block block block block block block
      (br_table 0 1 2 3 4 5 (local.get 0))
    end (return (i32.const 10))
    end (return (i32.const 11))
    end (return (i32.const 12))
    end (return (i32.const 13))
    end (return (i32.const 14))
    end (i32.const 15))

  ;; Many entries for few targets, with an operand: a table of numbers, and a jump table of targets.
  (func $numbered (param i32 i32) (result i32)
    block (result i32) block (result i32) block (result i32)
      (br_table 0 1 0 1 2 1 0 1 0 2 1 0 2 (local.get 1) (local.get 0))
    end (return (i32.add (i32.const 10)))
    end (return (i32.add (i32.const 11)))
    end (i32.add (i32.const 12)))

  ;; Of a character, which needs no check of the first table.
  (func $characters (param i32 i32) (result i32)
    block (result i32) block (result i32) block (result i32)
      (br_table 0 1 0 1 2 1 0 1 0 2 1 0 2
        (local.get 1) (i32.add (i32.load8_u (local.get 0)) (i32.const -97)))
    end (return (i32.add (i32.const 10)))
    end (return (i32.add (i32.const 11)))
    end (i32.add (i32.const 12))))
