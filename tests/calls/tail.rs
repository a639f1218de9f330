//! Calls that take the place of their caller: any number of them, of functions of any types, in constant stack.

use crate::{check, engines, export, instantiate, run, trap};
use palisade::{Store, Trap, Val};
use std::fmt::Write;

const MANY: i32 = 5_000_000;

/// How a module calls `$f` of type `$t` in its own place: by name, through a table, by reference.
const WAYS: [(&str, &str); 3] = [
    ("(return_call F ", ")"),
    ("(return_call_indirect $table (type T) ", " (global.get I))"),
    ("(return_call_ref T ", " (ref.func F))"),
];

/// The tail call of `func`, of type `ty` and at `place` of the table, with `args`.
fn tail_call(way: usize, func: &str, ty: &str, place: usize, args: &str) -> String {
    let (begin, end) = WAYS[way];
    let fill = |text: &str| {
        let text = text.replace('F', func).replace('T', ty);
        text.replace("(global.get I)", &format!("(i32.const {place})"))
    };
    format!("{}{args}{}", fill(begin), fill(end))
}

/// Two functions that call each other: one of two parameters, one of `many`, and more are passed on the stack.
fn uneven(way: usize, many: usize) -> String {
    let params = "(param i32)".repeat(many);
    let mut args = "(i32.sub (local.get 0) (i32.const 1))".to_owned();
    let mut sum = "(local.get 1)".to_owned();
    for place in 1..many {
        // Each is the sum so far plus its place; only the last is passed back.
        write!(args, "(i32.add (local.get 1) (i32.const {place}))").unwrap();
        if place > 1 {
            sum = format!("(i32.xor {sum} (local.get {place}))");
        }
    }
    let to_many = tail_call(way, "$many", "$m", 0, &args);
    let back = format!("(i32.sub (local.get 0) (i32.const 1)) {sum}");
    let to_two = tail_call(way, "$two", "$t", 1, &back);
    format!(
        "(module
            (type $t (func (param i32 i32) (result i32)))
            (type $m (func {params} (result i32)))
            (table $table funcref (elem $many $two))
            (func $two (export \"run\") (type $t)
                (if (i32.le_s (local.get 0) (i32.const 0)) (then (return (local.get 1))))
                {to_many})
            (func $many (type $m)
                (if (i32.le_s (local.get 0) (i32.const 0)) (then (return {sum})))
                {to_two}))"
    )
}

/// What `uneven` computes.
fn uneven_result(many: i32, mut left: i32) -> i32 {
    let mut sum = 0_i32;
    let mut is_many = false;
    loop {
        let folded = (1..many).map(|place| sum.wrapping_add(place)).reduce(|a, b| a ^ b);
        match (is_many, left <= 0) {
            (false, true) => return sum,
            (true, true) => return folded.expect("more than one"),
            (true, false) => sum = folded.expect("more than one"),
            (false, false) => {}
        }
        is_many = !is_many;
        left -= 1;
    }
}

#[test]
fn differing_parameters() {
    for many in [2, 3, 7, 40] {
        for way in 0..WAYS.len() {
            let text = uneven(way, many);
            for engine in engines() {
                let mut store = Store::new(&engine, ());
                let guest = instantiate(&mut store, &text, &[]);
                for left in [0, 1, 2, 3, 100, 101] {
                    let expected = Ok(uneven_result(many as i32, left));
                    let found = run(&mut store, guest, "run", &[left, 0]);
                    assert_eq!(found, expected, "{many} parameters, way {way}, {left}");
                }
                run(&mut store, guest, "run", &[MANY, 0]).expect("constant stack");
            }
        }
    }
}

#[test]
fn loops_of_one_function() {
    for way in 0..WAYS.len() {
        let args = "(i32.sub (local.get 0) (i32.const 1)) (i32.add (local.get 1) (i32.const 3))";
        let again = tail_call(way, "$f", "$t", 0, args);
        let text = format!(
            "(module (type $t (func (param i32 i32) (result i32)))
                (table $table funcref (elem $f))
                (func $f (export \"run\") (type $t)
                    (if (i32.eqz (local.get 0)) (then (return (local.get 1))))
                    {again}))"
        );
        check(&text, &[("run", &[MANY, 0], Ok(3 * MANY)), ("run", &[0, 8], Ok(8))]);
    }
}

/// 20 results, which are returned through memory; and values of all types in each position.
#[test]
fn many_results_and_types() {
    const TYPES: [&str; 4] = ["i32", "f64", "i64", "f32"];
    let types: String = (0..20).map(|place| format!("{} ", TYPES[place % 4])).collect();
    // Parameters move by one place of the same type each time.
    let rotated: String = (0..20).map(|p| format!("(local.get {})", (p + 4) % 20 + 1)).collect();
    let own: String = (0..20).map(|place| format!("(local.get {})", place + 1)).collect();
    for way in 0..WAYS.len() {
        let args = format!("(i32.sub (local.get 0) (i32.const 1)) {rotated}");
        let to_g = tail_call(way, "$g", "$t", 1, &args);
        let to_f = tail_call(way, "$f", "$u", 0, &format!("{args} (local.get 21)"));
        let text = format!(
            "(module (type $t (func (param i32 {types}) (result {types})))
                (type $u (func (param i32 {types} i64) (result {types})))
                (table $table funcref (elem $f $g))
                (func $g (export \"run\") (type $t) (local i64)
                    (local.set 21 (i64.const 77))
                    (if (i32.eqz (local.get 0)) (then (return {own})))
                    {to_f})
                (func $f (type $u)
                    (if (i64.ne (local.get 21) (i64.const 77)) (then (unreachable)))
                    (if (i32.eqz (local.get 0)) (then (return {own})))
                    {to_g}))"
        );
        for engine in engines() {
            let mut store = Store::new(&engine, ());
            let guest = instantiate(&mut store, &text, &[]);
            let func = guest.get_func(&mut store, "run").expect("exported");
            for times in [0, 1, 2, 3, 1_000_003] {
                let value = |place: usize| match TYPES[place % 4] {
                    "i32" => Val::I32(place as i32),
                    "i64" => Val::I64(-(place as i64)),
                    "f32" => Val::from(place as f32),
                    _ => Val::from(place as f64 + 0.5),
                };
                let mut params = vec![Val::I32(times)];
                params.extend((0..20).map(value));
                let results = crate::call(&mut store, func, &params).expect("it returns");
                for (place, result) in results.iter().enumerate() {
                    let expected = value((place + 4 * times as usize) % 20);
                    let what = format!("{times} times, result {place}, way {way}");
                    assert_eq!(format!("{result:?}"), format!("{expected:?}"), "{what}");
                }
            }
        }
    }
}

/// Two instances that call each other through a table that they share, and through references.
#[test]
fn between_instances() {
    const TEXT: &str = "(module
        (type $t (func (param i32 i32) (result i32)))
        (import \"\" \"table\" (table $table 2 funcref))
        (global $me i32 (i32.const ME))
        (global $steps (export \"steps\") (mut i32) (i32.const 0))
        (func $step (export \"step\") (type $t)
            (global.set $steps (i32.add (global.get $steps) (i32.const 1)))
            (if (i32.eqz (local.get 0)) (then (return (local.get 1))))
            CALL)
        (elem (i32.const ME) func $step))";
    let args = "(i32.sub (local.get 0) (i32.const 1)) (i32.add (local.get 1) (global.get $me))";
    let other = "(i32.sub (i32.const 1) (global.get $me))";
    let calls = [
        format!("(return_call_indirect $table (type $t) {args} {other})"),
        format!("(return_call_ref $t {args} (ref.as_non_null (global.get $other)))"),
    ];
    for engine in engines() {
        for (way, call) in calls.iter().enumerate() {
            let mut store = Store::new(&engine, ());
            let owner = "(module (table (export \"table\") 2 funcref))";
            let owner = instantiate(&mut store, owner, &[]);
            let table = export(&mut store, owner, "table");
            let mut text = TEXT.replace("CALL", call);
            if way == 1 {
                let global = "(global $other (export \"other\") (mut (ref null $t)) (ref.null $t))
                    (global $steps";
                text = text.replace("(global $steps", global);
            }
            let both = [0, 1].map(|me| {
                instantiate(
                    &mut store,
                    &text.replace("ME", &me.to_string()),
                    std::slice::from_ref(&table),
                )
            });
            if way == 1 {
                for me in [0, 1] {
                    let step = both[1 - me].get_func(&mut store, "step").expect("exported");
                    let other = both[me].get_global(&mut store, "other").expect("exported");
                    other.set(&mut store, step.into()).expect("its type");
                }
            }
            assert_eq!(run(&mut store, both[0], "step", &[MANY, 0]), Ok(MANY / 2), "way {way}");
            for instance in both {
                let steps = instance.get_global(&mut store, "steps").expect("exported");
                let steps = steps.get(&mut store).unwrap_i32();
                assert!((MANY / 2..=MANY / 2 + 1).contains(&steps), "{steps}, way {way}");
            }
        }
    }
}

/// An imported function, which is another instance's.
#[test]
fn of_imports() {
    for engine in engines() {
        let mut store = Store::new(&engine, ());
        let mut next = {
            let text = "(module (func (export \"f\") (param i32 i32) (result i32)
                (i32.sub (local.get 0) (local.get 1))))";
            let bottom = instantiate(&mut store, text, &[]);
            export(&mut store, bottom, "f")
        };
        for _ in 0..20 {
            let text = "(module (import \"\" \"\" (func $f (param i32 i32) (result i32)))
                (global $seven (mut i32) (i32.const 7))
                (func (export \"f\") (param i32 i32) (result i32)
                    (return_call $f (local.get 1) (i32.add (local.get 0) (global.get $seven)))))";
            let middle = instantiate(&mut store, text, &[next]);
            next = export(&mut store, middle, "f");
        }
        let func = next.into_func().expect("a function").typed::<(i32, i32), i32>(&store);
        assert_eq!(func.expect("its type").call(&mut store, (100, 10)).expect("it returns"), 90);
    }
}

/// In blocks, loops and branches, with operands left behind.
#[test]
fn within_control() {
    let text = "(module
        (table funcref (elem $double))
        (func $double (param i32) (result i32) (i32.mul (local.get 0) (i32.const 2)))
        (func (export \"block\") (param i32) (result i32)
            (i32.const 1) (i32.const 2)
            (block (result i32) (i32.const 3) (return_call $double (local.get 0)))
            (i32.add) (i32.add))
        (func (export \"loop\") (param i32) (result i32) (local $i i32)
            (loop $next
                (if (i32.ge_u (local.get $i) (local.get 0))
                    (then (return_call $double (local.get $i))))
                (local.set $i (i32.add (local.get $i) (i32.const 3)))
                (br $next))
            (unreachable))
        (func (export \"if\") (param i32) (result i32)
            (if (result i32) (local.get 0)
                (then (return_call_indirect (param i32) (result i32)
                    (local.get 0) (i32.const 0)))
                (else (i32.const 9))))
        (func (export \"behind\") (param i32) (result i32)
            (block $out
                (br_if $out (local.get 0))
                (return_call $double (i32.const 50)))
            (i32.const 4)
            (return)
            (return_call $double (i32.const 60)))
        (func (export \"br_table\") (param i32) (result i32)
            (block $2 (block $1 (block $0 (br_table $0 $1 $2 (local.get 0)))
                    (return_call $double (i32.const 10)))
                (return_call $double (i32.const 20)))
            (return_call $double (i32.const 30))))";
    check(
        text,
        &[
            ("block", &[21], Ok(42)),
            ("loop", &[10], Ok(24)),
            ("loop", &[0], Ok(0)),
            ("if", &[5], Ok(10)),
            ("if", &[0], Ok(9)),
            ("behind", &[0], Ok(100)),
            ("behind", &[1], Ok(4)),
            ("br_table", &[0], Ok(20)),
            ("br_table", &[1], Ok(40)),
            ("br_table", &[7], Ok(60)),
        ],
    );
}

/// What fails, fails in the caller, before its frame is gone.
#[test]
fn checks_of_the_callee() {
    let text = "(module $m
        (type $t (func (param i32)))
        (table 3 3 funcref)
        (elem (i32.const 0) func $ok $other)
        (func $ok (param i32))
        (func $other)
        (func $indirect (export \"indirect\") (param i32)
            (return_call_indirect (type $t) (i32.const 0) (local.get 0)))
        (func $ref (export \"ref\") (param i32)
            (return_call_ref $t (local.get 0) (ref.null $t)))
        (func (export \"calls\") (param i32) (call $indirect (local.get 0))))";
    check(
        text,
        &[
            ("indirect", &[0], Ok(0)),
            ("indirect", &[1], Err(Trap::BadSignature)),
            ("indirect", &[2], Err(Trap::IndirectCallToNull)),
            ("indirect", &[3], Err(Trap::TableOutOfBounds)),
            ("indirect", &[-1], Err(Trap::TableOutOfBounds)),
            ("calls", &[3], Err(Trap::TableOutOfBounds)),
            ("ref", &[0], Err(Trap::NullReference)),
        ],
    );
}

/// Recursion that is not in tail position exhausts the stack, tail calls in between or not.
#[test]
fn other_recursion_traps() {
    let text = "(module
        (func $down (export \"down\") (param i32) (result i32)
            (i32.add (call $down (local.get 0)) (i32.const 1)))
        (func $a (export \"mixed\") (param i32) (result i32)
            (return_call $b (i32.add (local.get 0) (i32.const 1))))
        (func $b (param i32) (result i32) (i32.add (call $a (local.get 0)) (i32.const 1)))
        (func (export \"fine\") (param i32) (result i32)
            (if (i32.eqz (local.get 0)) (then (return (i32.const 3))))
            (return_call $fine (local.get 0)))
        (func $fine (param i32) (result i32) (i32.const 4)))";
    check(
        text,
        &[
            ("down", &[0], Err(Trap::StackOverflow)),
            ("mixed", &[0], Err(Trap::StackOverflow)),
            ("fine", &[1], Ok(4)),
            ("fine", &[0], Ok(3)),
        ],
    );
}

/// Frames that were replaced are not in the backtrace; their callers are.
#[test]
fn frames() {
    let text = "(module $m
        (type $t (func (param i32) (result i32)))
        (table funcref (elem $div))
        (func $div (param i32) (result i32) (i32.div_u (i32.const 1) (local.get 0)))
        (func $direct (param i32) (result i32) (return_call $div (local.get 0)))
        (func $indirect (param i32) (result i32)
            (return_call_indirect (type $t) (local.get 0) (i32.const 0)))
        (func $ref (param i32) (result i32)
            (return_call_ref $t (local.get 0) (ref.func $div)))
        (func $chain (param i32) (result i32) (return_call $direct (local.get 0)))
        (func $calls_direct (export \"direct\") (param i32) (result i32)
            (i32.add (call $direct (local.get 0)) (i32.const 1)))
        (func $calls_indirect (export \"indirect\") (param i32) (result i32)
            (i32.add (call $indirect (local.get 0)) (i32.const 1)))
        (func $calls_ref (export \"ref\") (param i32) (result i32)
            (i32.add (call $ref (local.get 0)) (i32.const 1)))
        (func $calls_chain (export \"chain\") (param i32) (result i32)
            (i32.add (call $chain (local.get 0)) (i32.const 1)))
        (func $tail (export \"tail\") (param i32) (result i32)
            (return_call $chain (local.get 0))))";
    for engine in engines() {
        let mut store = Store::new(&engine, ());
        let guest = instantiate(&mut store, text, &[]);
        for name in ["direct", "indirect", "ref", "chain", "tail"] {
            let func = guest.get_typed_func::<i32, i32>(&mut store, name).expect("its type");
            let error = func.call(&mut store, 0).expect_err("it traps");
            assert_eq!(trap(&error), Trap::IntegerDivisionByZero);
            let frames = error.backtrace().expect("it comes from wasm").frames();
            let names: Vec<_> = frames.iter().filter_map(|frame| frame.func_name()).collect();
            let caller = format!("calls_{name}");
            let expected = if name == "tail" { vec!["div"] } else { vec!["div", &caller[..]] };
            assert_eq!(names, expected, "{name}");
        }
    }
}
