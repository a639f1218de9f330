//! Locals and operands that live across a throw: handlers see what they were at the call that threw.

use crate::{Drops, End, Value, call, call_export, check, engines, instantiate};
use palisade::{ExternRef, Func, Store, Val};
use std::fmt::Write;

/// Throws `t` when its counter, which it counts down, gets to 0.
const COUNTDOWN: &str = "
    (tag $t)
    (global $left (mut i32) (i32.const 0))
    (func $maybe
        (global.set $left (i32.sub (global.get $left) (i32.const 1)))
        (if (i32.eqz (global.get $left)) (then (throw $t))))";

/// `body` within a handler that runs `handler`, in each form. The body must not fall through.
fn forms(body: &str, handler: &str) -> [String; 4] {
    [
        format!("(block $h (try_table (catch $t $h) {body}) (unreachable)) {handler}"),
        format!(
            "(block $h (result exnref) (try_table (catch_all_ref $h) {body}) (unreachable))
            (drop) {handler}"
        ),
        format!("(try (do {body} (unreachable)) (catch $t {handler} (return))) (unreachable)"),
        format!(
            "(try (do (try (do {body} (unreachable)) (catch_all (rethrow 0))))
                (catch_all {handler} (return))) (unreachable)"
        ),
    ]
}

/// The numeric types, and how a local of each is raised by 1 and read as an `i64`.
const NUMBERS: [(&str, &str); 4] = [
    ("i32", "(i64.extend_i32_u (local.get L))"),
    ("i64", "(local.get L)"),
    ("f32", "(i64.trunc_f32_u (local.get L))"),
    ("f64", "(i64.trunc_f64_u (local.get L))"),
];

/// Many locals of all numeric types, more than registers. Call number `k` comes between raising local `k` by 1 and
/// raising it by 1 again; the handler adds up all locals with different weights.
#[test]
fn locals_changed_between_calls() {
    const LOCALS: usize = 64;
    let (mut declared, mut init, mut body, mut handler) = <[String; 4]>::default().into();
    for local in 0..LOCALS {
        let (ty, get) = NUMBERS[local % 4];
        let index = local + 1;
        let raise = format!("(local.set {index} ({ty}.add (local.get {index}) ({ty}.const 1)))");
        write!(declared, "(local {ty})").unwrap();
        write!(init, "(local.set {index} ({ty}.const {}))", local * 10).unwrap();
        write!(body, "{raise} (call $maybe) {raise}").unwrap();
        let get = get.replace('L', &index.to_string());
        write!(handler, "(i64.add (i64.mul {get} (i64.const {index})))").unwrap();
    }
    let handler = format!("(i64.const 0) {handler}");
    let expected = |thrown_at: usize| -> i64 {
        let raised = |local| match local {
            local if local < thrown_at => 2,
            local if local == thrown_at => 1,
            _ => 0,
        };
        (0..LOCALS).map(|local| ((local * 10 + raised(local)) * (local + 1)) as i64).sum()
    };
    for form in forms(&body, &handler) {
        let text = format!(
            "(module {COUNTDOWN} (func (export \"run\") (param i32) (result i64) {declared}
                (global.set $left (local.get 0)) {init} {form}))"
        );
        for engine in engines() {
            let mut store = Store::new(&engine, ());
            let guest = instantiate(&mut store, &text, &[]);
            for at in 0..LOCALS {
                let params = [Val::I32(at as i32 + 1)];
                let found = call_export(&mut store, guest, "run", &params).expect("it is caught");
                assert_eq!(found[0].unwrap_i64(), expected(at), "thrown by call {at}");
            }
        }
    }
}

/// Operands below the table, of all numeric types, computed by calls so that they are no constants.
#[test]
fn operands_below_the_table() {
    const OPERANDS: usize = 40;
    let (mut operands, mut adds) = (String::new(), String::new());
    for operand in 0..OPERANDS {
        let ty = NUMBERS[operand % 4].0;
        write!(operands, "(call $next_{ty})").unwrap();
        let to_i64 = match NUMBERS[(OPERANDS - 1 - operand) % 4].0 {
            "i32" => "(i64.extend_i32_u)",
            "f32" => "(i64.trunc_f32_u)",
            "f64" => "(i64.trunc_f64_u)",
            _ => "",
        };
        let triple = "(i64.mul (local.get $sum) (i64.const 3))";
        write!(adds, "{to_i64} {triple} (i64.add) (local.set $sum)").unwrap();
    }
    let mut sum = 0_i64;
    (1..=OPERANDS as i64).rev().for_each(|operand| sum = sum.wrapping_mul(3).wrapping_add(operand));
    let tables = [
        "(block $h (try_table (catch $t $h) (call $maybe)))",
        "(try (do (call $maybe)) (catch $t))",
        "(try (do (try (do (call $maybe)) (catch_all (rethrow 0)))) (catch_all))",
        "(block $h (result exnref)
            (try_table (result exnref) (catch_all_ref $h) (call $maybe) (ref.null exn))) (drop)",
    ];
    for table in tables {
        let text = format!(
            "(module {COUNTDOWN}
                (global $next (mut i32) (i32.const 0))
                (func $next_i32 (result i32)
                    (global.set $next (i32.add (global.get $next) (i32.const 1)))
                    (global.get $next))
                (func $next_i64 (result i64) (i64.extend_i32_u (call $next_i32)))
                (func $next_f32 (result f32) (f32.convert_i32_u (call $next_i32)))
                (func $next_f64 (result f64) (f64.convert_i32_u (call $next_i32)))
                (func (export \"run\") (param i32) (result i64) (local $sum i64)
                    (global.set $left (local.get 0))
                    (global.set $next (i32.const 0))
                    {operands} {table} {adds} (local.get $sum)))"
        );
        for engine in engines() {
            let mut store = Store::new(&engine, ());
            let guest = instantiate(&mut store, &text, &[]);
            for left in [1, 2] {
                let found = call_export(&mut store, guest, "run", &[Val::I32(left)]).unwrap();
                assert_eq!(found[0].unwrap_i64(), sum, "{table}, thrown: {}", left == 1);
            }
        }
    }
}

/// References are values like others, and those that only locals hold stay alive.
#[test]
fn references() {
    for form in forms(
        "(local.set $f (ref.func $two)) (local.set $e (local.get $b)) (call $collect)
        (call $maybe) (local.set $f (ref.null func)) (local.set $e (ref.null extern))",
        "(local.get $f) (local.get $e) (local.get $a)",
    ) {
        for engine in engines() {
            let (mut store, drops) = (Store::new(&engine, ()), Drops::default());
            let text = format!(
                "(module (import \"\" \"collect\" (func $collect)) {COUNTDOWN}
                    (func $two (export \"two\") (result i32) (i32.const 2))
                    (func (export \"run\") (param $a externref) (param $b externref)
                        (result funcref externref externref) (local $f funcref) (local $e externref)
                        (global.set $left (i32.const 1)) {form}))"
            );
            let collect = Func::wrap(&mut store, |mut c: palisade::Caller<'_, ()>| c.gc());
            let guest = instantiate(&mut store, &text, &[collect.into()]);
            let values = ["a", "b"]
                .map(|name| ExternRef::new(&mut store, (name, drops.counted())).expect("a value"));
            let results =
                call_export(&mut store, guest, "run", &values.map(Val::from)).expect("caught");
            let two = results[0].unwrap_func_ref().expect("not null");
            assert_eq!(call(&mut store, two, &[]).unwrap()[0].unwrap_i32(), 2);
            for (result, value) in [(1, values[1]), (2, values[0])] {
                let found = results[result].unwrap_extern_ref().expect("not null");
                assert!(palisade::Rooted::ref_eq(&store, &found, &value).unwrap());
            }
            assert_eq!(drops.count(), 0);
        }
    }
}

/// Sums in loops: within the table, around it, and in the handler.
#[test]
fn loops() {
    let text = format!(
        "(module {COUNTDOWN}
        (func (export \"table around loop\") (param $n i32) (param $end i32) (result i32)
            (local $i i32) (local $sum i32)
            (global.set $left (local.get $n))
            (block $h
                (try_table (catch $t $h)
                    (loop $next
                        (local.set $i (i32.add (local.get $i) (i32.const 1)))
                        (call $maybe)
                        (local.set $sum (i32.add (local.get $sum) (local.get $i)))
                        (br_if $next (i32.lt_u (local.get $i) (local.get $end))))
                    (return (i32.sub (i32.const 0) (local.get $sum)))))
            (i32.add (i32.mul (local.get $i) (i32.const 100_000)) (local.get $sum)))
        (func (export \"loop around try\") (param $n i32) (param $end i32) (result i32)
            (local $i i32) (local $sum i32) (local $thrown i32)
            (loop $next
                (global.set $left (i32.sub (local.get $n) (i32.and (local.get $i) (i32.const 1))))
                (try (do
                        (call $maybe)
                        (local.set $sum (i32.add (local.get $sum) (local.get $i)))
                        (call $maybe)
                        (local.set $sum (i32.add (local.get $sum) (local.get $i))))
                    (catch $t
                        (local.set $thrown (i32.add (local.get $thrown) (local.get $sum)))
                        (local.set $sum (i32.const 0))))
                (br_if $next (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1)))
                    (local.get $end))))
            (i32.add (i32.mul (local.get $thrown) (i32.const 1000)) (local.get $sum))))"
    );
    // Calls 1 and 2 of odd rounds and 2 of even ones throw, if n is 2.
    let thrown: i32 = (0..10).filter(|i| i % 2 == 0).sum();
    check(
        &text,
        &[
            ("table around loop", &[0, 10], Value(-55)),
            ("table around loop", &[1, 10], Value(100_000)),
            ("table around loop", &[7, 10], Value(700_021)),
            ("table around loop", &[10, 10], Value(1_000_045)),
            ("loop around try", &[0, 10], Value(90)),
            ("loop around try", &[2, 10], Value(thrown * 1000)),
        ],
    );
}

/// A handler that goes back to before the table sees each round's own values.
#[test]
fn handlers_as_loops() {
    let cases: Vec<(&str, Vec<i32>, End)> =
        [1, 2, 50].map(|n| ("run", vec![n], Value(n * (n + 1) / 2 * 3))).into();
    let text = "(module (tag $t (param i32 i32))
        (func $throw (param i32 i32) (throw $t (local.get 0) (local.get 1)))
        (func (export \"run\") (param $n i32) (result i32) (local $i i32) (local $sum i32)
            (local.get $n) (i32.const 0)
            (loop $again (param i32 i32)
                (local.set $sum) (local.set $i)
                (if (i32.eqz (local.get $i)) (then (return (local.get $sum))))
                (try_table (catch $t $again)
                    (local.set $sum (i32.add (local.get $sum) (local.get $i)))
                    (local.set $sum (i32.add (local.get $sum) (local.get $i)))
                    (call $throw (i32.sub (local.get $i) (i32.const 1))
                        (i32.add (local.get $sum) (local.get $i)))))
            (unreachable)))";
    for (name, params, end) in cases {
        check(text, &[(name, &params, end)]);
    }
}
