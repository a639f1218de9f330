//! `try_table`: which clause catches, and where it goes on.

use crate::{Thrown, Value, check};

/// Throws, as its parameter says: 1 `a` with 10, 2 `b` with 20, 3 `c`; with 0 it returns.
pub(crate) const THROW: &str = "
    (tag $a (param i32)) (tag $b (param i32)) (tag $c)
    (func $throw (export \"throw\") (param i32)
        (block $3 (block $2 (block $1 (block $0 (br_table $0 $1 $2 $3 (local.get 0)))
                    (return))
                (throw $a (i32.const 10)))
            (throw $b (i32.const 20)))
        (throw $c))";

/// A module of `THROW` and `functions`.
pub(crate) fn throwing(functions: &str) -> String {
    format!("(module {THROW} {functions})")
}

#[test]
fn without_handlers() {
    let text = throwing("(func (export \"run\") (param i32) (call $throw (local.get 0)))");
    for name in ["throw", "run"] {
        let ends = [Value(0), Thrown(vec![10]), Thrown(vec![20]), Thrown(vec![])];
        for (param, end) in ends.into_iter().enumerate() {
            check(&text, &[(name, &[param as i32], end)]);
        }
    }
}

#[test]
fn clauses() {
    let text = throwing(
        "(func (export \"a, b, all\") (param i32) (result i32)
            (block $all
                (block $b (result i32 exnref)
                    (block $a (result i32)
                        (try_table (catch $a $a) (catch_ref $b $b) (catch_all $all)
                            (call $throw (local.get 0)))
                        (return (i32.const 4)))
                    (return (i32.add (i32.const 1))))
                (drop)
                (return (i32.add (i32.const 2))))
            (i32.const 3))
        (func (export \"all and again\") (param i32) (result i32)
            (block $b (result i32)
                (block $a (result i32)
                    (try_table (catch $a $a) (catch $b $b)
                        (block $all (result exnref)
                            (try_table (catch_all_ref $all) (call $throw (local.get 0)))
                            (return (i32.const 4)))
                        (throw_ref))
                    (unreachable))
                (return (i32.add (i32.const 1))))
            (i32.add (i32.const 2)))
        (func (export \"b again\") (param i32) (result i32)
            (block $b (result i32 exnref)
                (try_table (catch_ref $b $b) (call $throw (local.get 0)))
                (return (i32.const 4)))
            (throw_ref))
        (func (export \"none\") (param i32) (result i32)
            (try_table (result i32) (call $throw (local.get 0)) (i32.const 4)))",
    );
    check(
        &text,
        &[
            ("a, b, all", &[0], Value(4)),
            ("a, b, all", &[1], Value(11)),
            ("a, b, all", &[2], Value(22)),
            ("a, b, all", &[3], Value(3)),
            ("all and again", &[0], Value(4)),
            ("all and again", &[1], Value(11)),
            ("all and again", &[2], Value(22)),
            ("all and again", &[3], Thrown(vec![])),
            ("b again", &[0], Value(4)),
            ("b again", &[1], Thrown(vec![10])),
            ("b again", &[2], Thrown(vec![20])),
            ("none", &[0], Value(4)),
            ("none", &[1], Thrown(vec![10])),
            ("none", &[3], Thrown(vec![])),
        ],
    );
}

/// The first clause that fits is taken, also if a later one fits better.
#[test]
fn order_of_clauses() {
    let text = throwing(
        "(func (export \"all first\") (param i32) (result i32)
            (block $all
                (block $a (result i32)
                    (try_table (catch_all $all) (catch $a $a) (call $throw (local.get 0)))
                    (return (i32.const 4)))
                (return))
            (i32.const 3))
        (func (export \"twice\") (param i32) (result i32)
            (block $second (result i32)
                (block $first (result i32)
                    (try_table (catch $b $first) (catch $a $first) (catch $a $second)
                        (catch $b $second) (call $throw (local.get 0)))
                    (return (i32.const 4)))
                (return (i32.add (i32.const 1))))
            (i32.add (i32.const 2)))
        (func (export \"two kinds\") (param i32) (result i32)
            (block $ref (result exnref)
                (block $all
                    (try_table (catch_all $all) (catch_all_ref $ref) (call $throw (local.get 0)))
                    (return (i32.const 4)))
                (return (i32.const 1)))
            (drop)
            (i32.const 2))",
    );
    check(
        &text,
        &[
            ("all first", &[1], Value(3)),
            ("all first", &[2], Value(3)),
            ("twice", &[1], Value(11)),
            ("twice", &[2], Value(21)),
            ("twice", &[3], Thrown(vec![])),
            ("two kinds", &[1], Value(1)),
            ("two kinds", &[3], Value(1)),
        ],
    );
}

#[test]
fn nested() {
    let text = throwing(
        "(func (export \"outer\") (param i32) (result i32)
            (block $outer_b (result i32)
                (block $outer_a (result i32)
                    (try_table (catch $a $outer_a) (catch $b $outer_b)
                        (block $inner (result i32)
                            (try_table (catch $b $inner) (call $throw (local.get 0)))
                            (return (i32.const 4)))
                        ;; Thrown by the handler of the inner table, within the outer one.
                        (throw $b (i32.add (i32.const 1))))
                    (unreachable))
                (return (i32.add (i32.const 100))))
            (i32.add (i32.const 200)))
        (func (export \"inner first\") (param i32) (result i32)
            (block $outer (result i32)
                (try_table (catch $a $outer)
                    (block $inner (result i32)
                        (try_table (catch $a $inner) (call $throw (local.get 0)))
                        (return (i32.const 4)))
                    (return (i32.add (i32.const 1))))
                (unreachable))
            (i32.add (i32.const 2)))
        ;; The body is over; what comes after it is outside.
        (func (export \"behind\") (param i32) (result i32)
            (block $a (result i32)
                (try_table (catch $a $a) (call $throw (i32.const 0)))
                (call $throw (local.get 0))
                (i32.const 4)))
        (func (export \"own handler\") (param i32) (result i32)
            (block $a (result i32)
                (try_table (catch $a $a) (call $throw (local.get 0)))
                (return (i32.const 4)))
            (throw $a (i32.add (i32.const 1))))",
    );
    check(
        &text,
        &[
            ("outer", &[0], Value(4)),
            ("outer", &[1], Value(110)),
            ("outer", &[2], Value(221)),
            ("outer", &[3], Thrown(vec![])),
            ("inner first", &[1], Value(11)),
            ("behind", &[0], Value(4)),
            ("behind", &[1], Thrown(vec![10])),
            ("own handler", &[1], Thrown(vec![11])),
        ],
    );
}

/// A throw in the body itself needs no call.
#[test]
fn throws_in_the_body() {
    let text = throwing(
        "(func (export \"direct\") (param i32) (result i32)
            (block $a (result i32)
                (try_table (catch $a $a)
                    (if (local.get 0) (then (throw $a (local.get 0))))
                    (throw $b (i32.const 5)))
                (unreachable))
            (i32.add (i32.const 1)))
        (func (export \"parameters\") (param i32) (result i32)
            (local.get 0) (i32.const 7)
            (block $a (param i32 i32) (result i32)
                (try_table (param i32 i32) (result i32) (catch $a $a)
                    (i32.sub)
                    (if (i32.eqz (local.get 0)) (then (throw $a (i32.const 1000)))))
                (i32.add (i32.const 1))))",
    );
    check(
        &text,
        &[
            ("direct", &[3], Value(4)),
            ("direct", &[0], Thrown(vec![5])),
            ("parameters", &[9], Value(3)),
            ("parameters", &[0], Value(1000)),
        ],
    );
}

/// Handlers branch: to the function, to blocks at several depths, to loops and out of `if`.
#[test]
fn targets() {
    let depths = |depth: usize| {
        // Blocks that add 1 each on the way out; the handler skips `depth` of them.
        let (mut open, mut close) = (String::new(), String::new());
        for _ in 0..20 {
            open += "(block (result i32) ";
            close += ") (i32.add (i32.const 1))";
        }
        format!(
            "(func (export \"run\") (param i32) (result i32) {open}
                (try_table (result i32) (catch $a {depth})
                    (call $throw (local.get 0)) (i32.const 100)) {close})"
        )
    };
    for depth in 0..=20 {
        let left = 20 - depth as i32;
        let cases: [(&str, &[i32], _); 2] =
            [("run", &[0], Value(120)), ("run", &[1], Value(10 + left))];
        check(&throwing(&depths(depth)), &cases);
    }
    let text = throwing(
        "(func (export \"function\") (param i32) (result i32)
            (try_table (catch $a 0) (call $throw (local.get 0)))
            (i32.const 4))
        ;; Tries again, with one less, until nothing is thrown.
        (func (export \"loop\") (param $n i32) (result i32) (local $tries i32)
            (local.get $n)
            (loop $again (param i32)
                (local.set $n)
                (local.set $tries (i32.add (local.get $tries) (i32.const 1)))
                (try_table (catch $a $again)
                    (if (local.get $n)
                        (then (throw $a (i32.sub (local.get $n) (i32.const 1)))))))
            (local.get $tries))
        (func (export \"if\") (param i32) (result i32)
            (if (result i32) (local.get 0)
                (then (try_table (result i32) (catch $a 0)
                    (call $throw (local.get 0)) (i32.const 4)))
                (else (i32.const 5))))
        (func (export \"table in loop\") (param $n i32) (result i32) (local $sum i32)
            (loop $next
                (local.set $sum (i32.add (local.get $sum)
                    (block $a (result i32)
                        (try_table (catch $a $a)
                            (call $throw (i32.rem_u (local.get $n) (i32.const 2))))
                        (i32.const 1))))
                (br_if $next (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
            (local.get $sum))
        (func (export \"void function\") (param i32)
            (try_table (catch_all 0) (call $throw (local.get 0)))
            (unreachable))",
    );
    check(
        &text,
        &[
            ("function", &[0], Value(4)),
            ("function", &[1], Value(10)),
            ("function", &[2], Thrown(vec![20])),
            ("loop", &[0], Value(1)),
            ("loop", &[1000], Value(1001)),
            ("if", &[0], Value(5)),
            ("if", &[1], Value(10)),
            ("if", &[2], Thrown(vec![20])),
            ("table in loop", &[1000], Value(5500)),
            ("void function", &[2], Value(0)),
        ],
    );
}

/// Handlers that cannot be reached, and tables in code that cannot.
#[test]
fn unreachable_code() {
    let text = throwing(
        "(func (export \"no call\") (result i32)
            (block $a (result i32) (try_table (result i32) (catch $a $a) (i32.const 1))))
        (func (export \"behind return\") (result i32)
            (return (i32.const 2))
            (block $a (result i32)
                (try_table (result i32) (catch $a $a) (call $throw (i32.const 1)) (i32.const 3))))
        (func (export \"only by handler\") (result i32)
            (block $h (try_table (catch_all $h) (throw $c)) (unreachable))
            (i32.const 5))
        (func (export \"dead calls\") (result i32)
            (block $a (result i32)
                (try_table (result i32) (catch $a $a)
                    (return (i32.const 6)) (call $throw (i32.const 1)))))",
    );
    check(
        &text,
        &[
            ("no call", &[], Value(1)),
            ("behind return", &[], Value(2)),
            ("only by handler", &[], Value(5)),
            ("dead calls", &[], Value(6)),
        ],
    );
}

/// Every kind of call that a table may stand around.
#[test]
fn kinds_of_calls() {
    let calls = [
        "(call $throw (local.get 0))",
        "(call_indirect (param i32) (local.get 0) (i32.const 0))",
        "(call_ref $throws (local.get 0) (ref.func $throw))",
        "(call_ref $throws (local.get 0) (global.get $ref))",
        "(call $tail (local.get 0))",
        "(call $tail_indirect (local.get 0))",
        "(call $tail_ref (local.get 0))",
    ];
    for made in calls {
        let text = throwing(&format!(
            "(type $throws (func (param i32)))
            (table funcref (elem $throw))
            (global $ref (ref $throws) (ref.func $throw))
            (func $tail (param i32) (return_call $throw (local.get 0)))
            (func $tail_indirect (param i32)
                (return_call_indirect (param i32) (local.get 0) (i32.const 0)))
            (func $tail_ref (param i32)
                (return_call_ref $throws (local.get 0) (global.get $ref)))
            (func (export \"run\") (param i32) (result i32)
                (block $a (result i32) (try_table (catch $a $a) {made}) (i32.const 4)))"
        ));
        check(
            &text,
            &[("run", &[0], Value(4)), ("run", &[1], Value(10)), ("run", &[2], Thrown(vec![20]))],
        );
    }
}

/// A function that is called in the place of its caller does not run within the caller's handlers.
#[test]
fn tail_calls_leave_the_table() {
    let calls = [
        "(return_call $throw (local.get 0))",
        "(return_call_indirect (param i32) (local.get 0) (i32.const 0))",
        "(return_call_ref $throws (local.get 0) (ref.func $throw))",
    ];
    for made in calls {
        let text = throwing(&format!(
            "(type $throws (func (param i32)))
            (table funcref (elem $throw))
            (func $leaves (export \"leaves\") (param i32)
                (block $a (result i32) (try_table (catch $a $a) {made}) (unreachable))
                (unreachable))
            (func $leaves_try (export \"leaves try\") (param i32)
                (try (do {made}) (catch_all (unreachable))))
            (func (export \"caller\") (param i32) (result i32)
                (block $a (result i32)
                    (try_table (catch $a $a)
                        (call $leaves (local.get 0)) (call $leaves_try (local.get 0)))
                    (i32.const 4)))"
        ));
        check(
            &text,
            &[
                ("leaves", &[0], Value(0)),
                ("leaves", &[1], Thrown(vec![10])),
                ("leaves try", &[1], Thrown(vec![10])),
                ("caller", &[0], Value(4)),
                ("caller", &[1], Value(10)),
            ],
        );
    }
}
