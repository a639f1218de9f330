//! The older form: `try` with `catch`, `catch_all` and `delegate`, and `rethrow`.

use crate::try_table::throwing;
use crate::{End, Thrown, Value, check};

#[test]
fn clauses() {
    let text = throwing(
        "(func (export \"a, b, all\") (param i32) (result i32)
            (try (result i32)
                (do (call $throw (local.get 0)) (i32.const 4))
                (catch $a (i32.add (i32.const 1)))
                (catch $b (i32.add (i32.const 2)))
                (catch_all (i32.const 3))))
        (func (export \"a\") (param i32) (result i32)
            (try (result i32)
                (do (call $throw (local.get 0)) (i32.const 4))
                (catch $a (i32.add (i32.const 1)))))
        (func (export \"all\") (param i32) (result i32)
            (try (result i32)
                (do (call $throw (local.get 0)) (i32.const 4))
                (catch_all (i32.const 3))))
        (func (export \"a twice\") (param i32) (result i32)
            (try (result i32)
                (do (call $throw (local.get 0)) (i32.const 4))
                (catch $a (i32.add (i32.const 1)))
                (catch $a (i32.add (i32.const 2)))))
        (func (export \"none\") (param i32) (result i32)
            (try (result i32) (do (call $throw (local.get 0)) (i32.const 4))))",
    );
    check(
        &text,
        &[
            ("a, b, all", &[0], Value(4)),
            ("a, b, all", &[1], Value(11)),
            ("a, b, all", &[2], Value(22)),
            ("a, b, all", &[3], Value(3)),
            ("a", &[0], Value(4)),
            ("a", &[1], Value(11)),
            ("a", &[2], Thrown(vec![20])),
            ("a", &[3], Thrown(vec![])),
            ("all", &[1], Value(3)),
            ("all", &[3], Value(3)),
            ("a twice", &[1], Value(11)),
            ("none", &[0], Value(4)),
            ("none", &[1], Thrown(vec![10])),
        ],
    );
}

#[test]
fn parameters_and_results() {
    let text = throwing(
        "(func (export \"run\") (param i32) (result i32)
            (i32.const 1000) (local.get 0) (i32.const 7)
            (try (param i32 i32) (result i32 i32)
                (do (i32.sub) (call $throw (local.get 0)) (i32.const 1))
                (catch $a (i32.const 2))
                (catch_all (i32.const 30) (i32.const 40)))
            (i32.add) (i32.add))",
    );
    check(
        &text,
        &[
            ("run", &[0], Value(994)),
            ("run", &[1], Value(1012)),
            ("run", &[2], Value(1070)),
            ("run", &[3], Value(1070)),
        ],
    );
}

#[test]
fn nested() {
    let text = throwing(
        "(func (export \"in the body\") (param i32) (result i32)
            (try (result i32)
                (do (try (result i32)
                    (do (call $throw (local.get 0)) (i32.const 4))
                    (catch $b (throw $a (i32.add (i32.const 1))))))
                (catch $a (i32.add (i32.const 100)))
                (catch $b (i32.add (i32.const 200)))))
        ;; What a clause throws is not caught by the clauses beside it.
        (func (export \"in a clause\") (param i32) (result i32)
            (try (result i32)
                (do (call $throw (local.get 0)) (i32.const 4))
                (catch $a (throw $b (i32.add (i32.const 1))))
                (catch $b (throw $a (i32.add (i32.const 1))))
                (catch_all (throw $c))))
        (func (export \"try in a clause\") (param i32) (result i32)
            (try (result i32)
                (do (call $throw (local.get 0)) (i32.const 4))
                (catch $a
                    (drop)
                    (try (result i32)
                        (do (call $throw (i32.const 2)) (i32.const 5))
                        (catch $a (unreachable))
                        (catch $b (i32.add (i32.const 6)))))
                (catch_all
                    (try (result i32)
                        (do (call $throw (local.get 0)) (i32.const 5))
                        (catch $b (i32.add (i32.const 7)))))))",
    );
    check(
        &text,
        &[
            ("in the body", &[0], Value(4)),
            ("in the body", &[1], Value(110)),
            ("in the body", &[2], Value(121)),
            ("in the body", &[3], Thrown(vec![])),
            ("in a clause", &[1], Thrown(vec![11])),
            ("in a clause", &[2], Thrown(vec![21])),
            ("in a clause", &[3], Thrown(vec![])),
            ("try in a clause", &[1], Value(26)),
            ("try in a clause", &[2], Value(27)),
            ("try in a clause", &[3], Thrown(vec![])),
        ],
    );
}

#[test]
fn rethrow() {
    let text = throwing(
        "(global $cleaned (mut i32) (i32.const 0))
        (func (export \"cleaned\") (result i32)
            (global.get $cleaned) (global.set $cleaned (i32.const 0)))
        (func (export \"clean up\") (param i32)
            (try (do (call $throw (local.get 0)))
                (catch_all
                    (global.set $cleaned (i32.add (global.get $cleaned) (i32.const 1)))
                    (rethrow 0))))
        (func (export \"conditional\") (param i32 i32) (result i32)
            (try (result i32)
                (do (call $throw (local.get 0)) (i32.const 4))
                (catch $a
                    (if (local.get 1) (then (rethrow 1)))
                    (i32.add (i32.const 1)))
                (catch_all
                    (if (i32.eqz (local.get 1)) (then (rethrow 1)))
                    (i32.const 3))))
        ;; The outer exception, from within a try in a clause, which does catch it.
        (func (export \"from inside\") (param i32) (result i32)
            (try (result i32)
                (do (call $throw (local.get 0)) (i32.const 4))
                (catch_all
                    (try (result i32)
                        (do (rethrow 1))
                        (catch $a (i32.add (i32.const 1)))))))
        ;; The outer exception, while an inner one is handled.
        (func (export \"outer of two\") (param i32)
            (try (do (call $throw (local.get 0)))
                (catch $a
                    (drop)
                    (try (do (throw $b (i32.const 77)))
                        (catch $b (drop) (rethrow 1))))))
        (func (export \"inner of two\") (param i32)
            (try (do (call $throw (local.get 0)))
                (catch $a
                    (drop)
                    (try (do (throw $b (i32.const 77)))
                        (catch $b (drop) (rethrow 0))))))
        (func (export \"out of blocks\") (param i32) (result i32)
            (try (result i32)
                (do (call $throw (local.get 0)) (i32.const 4))
                (catch $a
                    (drop)
                    (block (result i32) (loop (result i32) (block (result i32)
                        (if (result i32) (local.get 0)
                            (then (rethrow 4)) (else (i32.const 1)))))))))",
    );
    let none: &[i32] = &[];
    check(
        &text,
        &[
            ("clean up", &[0], Value(0)),
            ("cleaned", none, Value(0)),
            ("clean up", &[1], Thrown(vec![10])),
            ("clean up", &[3], Thrown(vec![])),
            ("cleaned", none, Value(2)),
            ("conditional", &[0, 1], Value(4)),
            ("conditional", &[1, 0], Value(11)),
            ("conditional", &[1, 1], Thrown(vec![10])),
            ("conditional", &[2, 0], Thrown(vec![20])),
            ("conditional", &[2, 1], Value(3)),
            ("from inside", &[1], Value(11)),
            ("from inside", &[2], Thrown(vec![20])),
            ("outer of two", &[1], Thrown(vec![10])),
            ("outer of two", &[2], Thrown(vec![20])),
            ("inner of two", &[1], Thrown(vec![77])),
            ("out of blocks", &[1], Thrown(vec![10])),
        ],
    );
}

/// An exception that was thrown again and caught by an inner clause can still be thrown again by the outer one, however
/// many others have been thrown in between.
#[test]
fn rethrow_after_an_inner_clause_has_caught_it() {
    let inner_clauses = [
        "(catch_all)",
        "(catch $a (drop))",
        "(catch_all (if (i32.eqz (local.get 0)) (then (rethrow 1))))",
        "(catch $a (drop) (if (i32.eqz (local.get 0)) (then (rethrow 1))))",
    ];
    for (clause, others) in inner_clauses.iter().flat_map(|c| [0, 1, 2, 5000].map(|n| (c, n))) {
        let text = throwing(&format!(
            "(func (export \"run\") (param i32) (local $n i32)
                (local.set $n (i32.const {others}))
                (try (do (call $throw (local.get 0)))
                    (catch $a
                        (drop)
                        (try (do (rethrow 1)) {clause})
                        (block $done (loop $next
                            (br_if $done (i32.eqz (local.get $n)))
                            (local.set $n (i32.sub (local.get $n) (i32.const 1)))
                            (try (do (throw $a (i32.const 99))) (catch_all))
                            (br $next)))
                        (rethrow 0))))"
        ));
        check(&text, &[("run", &[1], Thrown(vec![10])), ("run", &[2], Thrown(vec![20]))]);
    }
}

/// Two handlers of a function have an exception, and both are left at once by another one.
#[test]
fn a_rethrown_exception_is_replaced() {
    for last in ["(rethrow 0)", "(throw $b (i32.const 7))"] {
        let text = throwing(&format!(
            "(func $twice (param i32)
                (try (do
                    (try (do (call $throw (local.get 0)))
                        (catch_all (rethrow 0))))
                    (catch $b (drop) (rethrow 0))
                    (catch_all
                        (if (i32.eqz (local.get 0)) (then (rethrow 1)))
                        {last})))
            (func (export \"run\") (param i32) (result i32)
                (try (result i32) (do (call $twice (local.get 0)) (i32.const 0))
                    (catch $b)
                    (catch_all (i32.const -1))))"
        ));
        let replaced = if last == "(rethrow 0)" { -1 } else { 7 };
        check(&text, &[("run", &[1], Value(replaced)), ("run", &[2], Value(20))]);
    }
}

/// As above, with the outer exception thrown again in a function's own inner handlers, twice over.
#[test]
fn rethrow_many_times() {
    let text = throwing(
        "(func (export \"run\") (param i32 i32) (result i32) (local $sum i32)
            (try (do (call $throw (local.get 0)))
                (catch $a
                    (drop)
                    (loop $next
                        (try (do (rethrow 2))
                            (catch $a (local.set $sum (i32.add (local.get $sum)))))
                        (try (do (throw $b (i32.const 1)))
                            (catch $b (local.set $sum (i32.add (local.get $sum)))))
                        (br_if $next
                            (local.tee 1 (i32.sub (local.get 1) (i32.const 1)))))))
            (local.get $sum))",
    );
    check(&text, &[("run", &[1, 1], Value(11)), ("run", &[1, 3000], Value(33_000))]);
}

/// `delegate` hands on what its body throws, past everything between it and its label.
#[test]
fn delegate() {
    let text = throwing(
        "(func (export \"to the next\") (param i32) (result i32)
            (try $t (result i32)
                (do (try (result i32)
                    (do (call $throw (local.get 0)) (i32.const 4))
                    (delegate $t)))
                (catch $a (i32.add (i32.const 1)))))
        (func (export \"past two\") (param i32) (result i32)
            (try $t (result i32)
                (do (try (result i32)
                    (do (try (result i32)
                        (do (try (result i32)
                            (do (call $throw (local.get 0)) (i32.const 4))
                            (delegate $t)))
                        (catch_all (i32.const 50))))
                    (catch_all (i32.const 60))))
                (catch $a (i32.add (i32.const 1)))))
        (func $to_caller (export \"to the caller\") (param i32) (result i32)
            (try (result i32)
                (do (try (result i32)
                    (do (call $throw (local.get 0)) (i32.const 4))
                    (delegate 1)))
                (catch_all (i32.const 50))))
        (func (export \"caller\") (param i32) (result i32)
            (try (result i32) (do (call $to_caller (local.get 0)))
                (catch $a (i32.add (i32.const 2)))))
        ;; To a block: as if thrown right behind it.
        (func (export \"to a block\") (param i32) (result i32)
            (try (result i32)
                (do (block $b (result i32)
                    (try (result i32)
                        (do (try (result i32)
                            (do (call $throw (local.get 0)) (i32.const 4))
                            (delegate $b)))
                        (catch_all (i32.const 50)))))
                (catch $a (i32.add (i32.const 1)))))
        ;; To a try whose clause is running: its clauses are past.
        (func (export \"from a clause\") (param i32) (result i32)
            (try (result i32)
                (do (try $t (result i32)
                    (do (throw $b (i32.const 0)))
                    (catch $b
                        (drop)
                        (try (result i32)
                            (do (call $throw (local.get 0)) (i32.const 4))
                            (delegate $t)))
                    (catch_all (i32.const 50))))
                (catch $a (i32.add (i32.const 1)))))
        (func (export \"to a delegate\") (param i32) (result i32)
            (try $t (result i32)
                (do (try (result i32)
                    (do (try $d (result i32)
                        (do (try (result i32)
                            (do (call $throw (local.get 0)) (i32.const 4))
                            (delegate $d)))
                        (delegate $t)))
                    (catch_all (i32.const 50))))
                (catch $a (i32.add (i32.const 1)))))
        (func (export \"throws itself\") (param i32) (result i32)
            (try $t (result i32)
                (do (try (result i32)
                    (do (try (result i32)
                        (do (throw $a (local.get 0))) (delegate $t)))
                    (catch_all (i32.const 50))))
                (catch $a (i32.add (i32.const 1)))))
        ;; Thrown again by the body of a delegate in a clause.
        (func (export \"rethrows\") (param i32) (result i32)
            (try (result i32)
                (do (try $t (result i32)
                    (do (call $throw (local.get 0)) (i32.const 4))
                    (catch_all
                        (try (result i32)
                            (do (try (result i32) (do (rethrow $t)) (delegate $t)))
                            (catch_all (i32.const 50))))))
                (catch $a (i32.add (i32.const 1)))))
        (func (export \"to a try_table\") (param i32) (result i32)
            (block $h (result i32)
                (try_table $t (result i32) (catch $a $h)
                    (try (result i32)
                        (do (try (result i32)
                            (do (call $throw (local.get 0)) (i32.const 4))
                            (delegate $t)))
                        (catch_all (i32.const 50))))))",
    );
    let caught = |name| [(name, 0, Value(4)), (name, 1, Value(11)), (name, 2, Thrown(vec![20]))];
    let mut cases: Vec<(&str, i32, End)> = Vec::new();
    let names =
        ["to the next", "past two", "to a block", "from a clause", "to a delegate", "rethrows"];
    cases.extend(names.into_iter().flat_map(caught));
    cases.extend([
        ("to the caller", 0, Value(4)),
        ("to the caller", 1, Thrown(vec![10])),
        ("caller", 0, Value(4)),
        ("caller", 1, Value(12)),
        ("caller", 2, Thrown(vec![20])),
        ("throws itself", 7, Value(8)),
        ("to a try_table", 0, Value(4)),
        ("to a try_table", 1, Value(10)),
        ("to a try_table", 2, Thrown(vec![20])),
    ]);
    let params: Vec<[i32; 1]> = cases.iter().map(|case| [case.1]).collect();
    let cases: Vec<(&str, &[i32], End)> =
        cases.iter().zip(&params).map(|((name, _, end), p)| (*name, &p[..], end.clone())).collect();
    check(&text, &cases);
}

#[test]
fn unreachable_code() {
    let text = throwing(
        "(func (export \"no call\") (result i32)
            (try (result i32) (do (i32.const 1)) (catch $a) (catch_all (rethrow 0))))
        (func (export \"behind return\") (result i32)
            (return (i32.const 2))
            (try (result i32)
                (do (call $throw (i32.const 1)) (i32.const 3))
                (catch $a (rethrow 0))
                (catch_all (try (result i32) (do (rethrow 1)) (delegate 0)))))
        (func (export \"dead body\") (result i32)
            (try (result i32)
                (do (return (i32.const 5)) (call $throw (i32.const 1)) (i32.const 3))
                (catch $a)))
        (func (export \"behind throw\") (result i32)
            (try (result i32)
                (do (throw $a (i32.const 6)) (try (do (throw $c)) (catch_all (rethrow 0))))
                (catch $a)))
        (func (export \"dead clause\") (result i32)
            (try (result i32)
                (do (throw $c))
                (catch_all (br 0 (i32.const 7)) (rethrow 0))))
        (func (export \"all dead\") (param i32) (result i32)
            (try (do (return (i32.const 8))) (catch_all (return (i32.const 9))))
            (unreachable))",
    );
    check(
        &text,
        &[
            ("no call", &[], Value(1)),
            ("behind return", &[], Value(2)),
            ("dead body", &[], Value(5)),
            ("behind throw", &[], Value(6)),
            ("dead clause", &[], Value(7)),
            ("all dead", &[0], Value(8)),
        ],
    );
}

/// Both forms in one module, and in one function.
#[test]
fn with_the_newer_form() {
    let text = throwing(
        "(func $old (param i32) (result i32)
            (try (result i32)
                (do (call $throw (local.get 0)) (i32.const 4))
                (catch $a (throw $b (i32.add (i32.const 1))))
                (catch_all (rethrow 0))))
        (func $new (param i32) (result i32)
            (block $all (result exnref)
                (try_table (catch_all_ref $all)
                    (return (call $old (local.get 0))))
                (unreachable))
            (throw_ref))
        (func (export \"run\") (param i32) (result i32)
            (try (result i32)
                (do (block $b (result i32)
                    (try_table (result i32) (catch $b $b) (call $new (local.get 0)))))
                (catch_all (i32.const 3))))
        ;; A reference to what an older clause has thrown again.
        (func (export \"reference\") (param i32) (result i32) (local exnref)
            (block $all (result exnref)
                (try_table (catch_all_ref $all)
                    (try (do (call $throw (local.get 0))) (catch_all (rethrow 0))))
                (return (i32.const 4)))
            (local.set 1)
            (try (do (throw $c)) (catch_all))
            (try (result i32) (do (throw_ref (local.get 1))) (catch $a)))
        ;; The older form catches what is thrown by reference, and throws it again.
        (func (export \"again\") (param i32)
            (block $all (result exnref)
                (try_table (catch_all_ref $all) (call $throw (local.get 0)))
                (return))
            (local.set 0 (i32.const 0))
            (try (param exnref) (do (throw_ref)) (catch_all (rethrow 0))))",
    );
    check(
        &text,
        &[
            ("run", &[0], Value(4)),
            ("run", &[1], Value(11)),
            ("run", &[2], Value(20)),
            ("run", &[3], Value(3)),
            ("reference", &[0], Value(4)),
            ("reference", &[1], Value(10)),
            ("reference", &[2], Thrown(vec![20])),
            ("again", &[0], Value(0)),
            ("again", &[1], Thrown(vec![10])),
            ("again", &[3], Thrown(vec![])),
        ],
    );
}

/// As C++ compilers emit it: destructors, a search for the type that a `catch` names, and `std::terminate` around it.
#[test]
fn shaped_like_cpp() {
    let text = "(module
        (tag $cpp (param i32))
        (memory 1)
        (global $thrown (mut i32) (i32.const 0))
        (global $destroyed (mut i32) (i32.const 0))
        (global $sp (mut i32) (i32.const 1024))
        (table funcref (elem $destroy))
        (func $destroy (param i32) (result i32)
            (global.set $destroyed (i32.add (global.get $destroyed) (local.get 0)))
            (local.get 0))
        ;; The object: its type and its value.
        (func $cxa_throw (param $ty i32) (param $value i32)
            (i32.store (i32.const 16) (local.get $ty))
            (i32.store (i32.const 20) (local.get $value))
            (throw $cpp (i32.const 16)))
        (func $selector (param $object i32) (param $want i32) (result i32)
            (i32.eq (i32.load (local.get $object)) (local.get $want)))
        (func $may_throw (param i32)
            (if (i32.eqz (local.get 0)) (then (return)))
            (call $cxa_throw (i32.rem_u (local.get 0) (i32.const 3)) (local.get 0)))
        (func $with_locals (param i32) (local $frame i32)
            (global.set $sp (local.tee $frame (i32.sub (global.get $sp) (i32.const 32))))
            (try (do
                    (try (do (call $may_throw (local.get 0)))
                        (catch_all
                            (drop (call_indirect (param i32) (result i32)
                                (i32.const 1) (i32.const 0)))
                            (rethrow 0)))
                    (drop (call $destroy (i32.const 1))))
                (catch_all
                    (try (do (drop (call $destroy (i32.const 10))))
                        (catch_all (unreachable)))
                    (rethrow 0)))
            (drop (call $destroy (i32.const 10)))
            (global.set $sp (i32.add (local.get $frame) (i32.const 32))))
        (func (export \"run\") (param i32) (result i32) (local $sp i32) (local $object i32)
            (local.set $sp (global.get $sp))
            (global.set $destroyed (i32.const 0))
            (block $done
                (try $outer
                    (do (call $with_locals (local.get 0)) (br $done))
                    (catch $cpp
                        (local.set $object)
                        (global.set $sp (local.get $sp))
                        (if (call $selector (local.get $object) (i32.const 1)) (then
                            (global.set $thrown (i32.load offset=4 (local.get $object)))
                            (br $done)))
                        (if (call $selector (local.get $object) (i32.const 2)) (then
                            (global.set $thrown (i32.const -1))
                            (br $done)))
                        (rethrow $outer))))
            (i32.add (i32.mul (global.get $thrown) (i32.const 100))
                (global.get $destroyed))))";
    check(
        text,
        &[
            ("run", &[4], Value(411)),
            ("run", &[5], Value(-89)),
            ("run", &[6], Thrown(vec![16])),
            ("run", &[7], Value(711)),
            ("run", &[0], Value(711)),
            ("run", &[5], Value(-89)),
        ],
    );
}
