//! Functions that are small enough to be inlined behave as if they were called.

use super::{check, engines, instantiate, run};
use palisade::{Store, Trap};

#[test]
fn values_and_effects() {
    let text = r#"(module
        (global $count (mut i32) (i32.const 0))
        (func $subtract (param i32 i32) (result i32) (i32.sub (local.get 0) (local.get 1)))
        ;; Writes its parameter and locals, which are not the caller's.
        (func $scramble (param i32) (result i32) (local i32 i64)
            (local.set 1 (i32.add (local.get 1) (local.get 0)))
            (local.set 2 (i64.const -1))
            (local.set 0 (i32.const 1000))
            (i32.add (local.get 0) (local.get 1)))
        (func $two (param i32) (result i32 i64) (local.get 0) (i64.extend_i32_s (local.get 0)))
        (func $nothing)
        (func $counted (result i32)
            (global.set $count (i32.add (global.get $count) (i32.const 1)))
            (global.get $count))
        (func $twice (result i32) (i32.sub (call $counted) (call $counted)))
        (func $thrice (result i32) (i32.mul (call $twice) (call $counted)))
        (func $divide (param i32) (result i32) (i32.div_u (i32.const 12) (local.get 0)))
        (func (export "order") (result i32) (call $subtract (i32.const 9) (i32.const 2)))
        (func (export "locals") (param i32 i32) (result i32) (local i32)
            (local.set 2 (i32.const 5))
            (i32.add (call $scramble (local.get 1))
                (i32.add (local.get 0) (i32.add (local.get 1) (local.get 2)))))
        (func (export "again") (param i32) (result i32)
            (i32.sub (call $scramble (call $scramble (local.get 0))) (call $scramble (i32.const 0))))
        (func (export "several") (param i32) (result i32)
            (call $nothing) (call $two (local.get 0)) (i32.wrap_i64) (i32.mul))
        (func (export "in a loop") (param i32) (result i32) (local i32)
            (loop (result i32)
                (local.set 1 (call $subtract (local.get 1) (local.get 0)))
                (local.set 0 (call $subtract (local.get 0) (i32.const 1)))
                (br_if 0 (local.get 0))
                (local.get 1)))
        (func (export "effects") (result i32)
            (global.set $count (i32.const 0))
            (i32.add (i32.mul (call $thrice) (i32.const 100)) (call $counted)))
        (func (export "traps") (param i32) (result i32)
            (call $subtract (call $divide (local.get 0)) (i32.const 1))))"#;
    check(
        text,
        &[
            ("order", &[], Ok(7)),
            ("locals", &[1, 20], Ok(1020 + 1 + 20 + 5)),
            ("again", &[3], Ok(1000 + 1003 - 1000)),
            ("several", &[-7], Ok(49)),
            ("in a loop", &[4], Ok(-10)),
            ("effects", &[], Ok(-300 + 4)),
            ("traps", &[4], Ok(2)),
            ("traps", &[0], Err(Trap::IntegerDivisionByZero)),
        ],
    );
}

/// More calls than may be inlined, some of functions that consist of calls.
#[test]
fn many_calls() {
    let calls = "(call $eight)".repeat(2_000);
    let text = format!(
        "(module
            (global $sum (mut i32) (i32.const 0))
            (func $one (global.set $sum (i32.add (global.get $sum) (i32.const 1))))
            (func $eight {} )
            (func $more {} )
            (func (export \"run\") (result i32)
                (global.set $sum (i32.const 0)) {calls} (call $more) (global.get $sum)))",
        "(call $one)".repeat(8),
        "(call $eight)".repeat(8),
    );
    for engine in engines() {
        let mut store = Store::new(&engine, ());
        let instance = instantiate(&mut store, &text, &[]);
        assert_eq!(run(&mut store, instance, "run", &[]), Ok(2_000 * 8 + 64));
    }
}
