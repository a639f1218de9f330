//! Modules that are large, wrong, or not allowed.

use crate::{Thrown, Value, engines, instantiate, module, run};
use palisade::{Config, Engine, Store};
use std::time::{Duration, Instant};

const MANY: usize = 10_000;

/// What compiling something strange may take here, without optimisation of the compiler and with other tests beside it.
const LONGEST: Duration = Duration::from_secs(120);

/// How the levels of a tower of handlers are written: what begins and what ends each, given its number.
type Level = fn(usize) -> (String, String);

/// A function with `levels` handlers in each other and a call in each: the innermost gets the parameter, others 0.
fn tower(level: Level, levels: usize, tags: usize) -> String {
    let tags: String = (0..tags).map(|tag| format!("(tag $t{tag})")).collect();
    let (mut begins, mut ends) = (String::new(), Vec::new());
    for number in 0..levels {
        let (begin, end) = level(number);
        begins += &begin;
        begins += " i32.const 0 call $throw\n";
        ends.push(end);
    }
    let ends: String = ends.into_iter().rev().collect();
    format!(
        "(module {tags}
            (func $throw (param i32) (if (local.get 0) (then (throw $t0))))
            (func (export \"run\") (param i32) (result i32)
                {begins} local.get 0 call $throw i32.const 1 return {ends} i32.const 2))"
    )
}

/// The same tower in a `try` that catches what no level does.
fn within_try(tower: &str) -> String {
    let text = tower.replacen("(result i32)\n", "(result i32) try\n", 1);
    text.replacen(" i32.const 2))", " catch_all end i32.const 2))", 1)
}

/// Compiling such a function works or is an error, within bounds; if it works, so does the function.
#[track_caller]
fn assert_bounded(what: &str, text: &str) {
    let begin = Instant::now();
    let engine = Engine::default();
    match module(&engine, text) {
        Ok(_) => {
            let mut store = Store::new(&engine, ());
            let guest = instantiate(&mut store, text, &[]);
            assert_eq!(run(&mut store, guest, "run", &[0]), Value(1), "{what}");
            assert_eq!(run(&mut store, guest, "run", &[1]), Value(2), "{what}");
        }
        Err(error) => assert!(!error.to_string().is_empty(), "{what}"),
    }
    let taken = begin.elapsed();
    assert!(taken < LONGEST, "{what}: {taken:?}");
}

#[test]
fn towers_of_tables_of_one_tag() {
    let level: Level = |_| ("block try_table (catch $t0 0)".to_owned(), "end end\n".to_owned());
    assert_bounded("one tag", &tower(level, MANY, 1));
}

#[test]
fn towers_of_tables_that_catch_all() {
    let level: Level = |_| ("block try_table (catch_all 0)".to_owned(), "end end\n".to_owned());
    assert_bounded("all", &tower(level, MANY, 1));
}

#[test]
fn towers_of_tables_of_many_tags() {
    let level: Level = |n| (format!("block try_table (catch $t{n} 0)"), "end end\n".to_owned());
    assert_bounded("many tags", &tower(level, MANY, MANY));
}

#[test]
fn towers_of_tries() {
    // Fewer of them: as for tables, each call looks at all levels.
    let level: Level = |_| ("try".to_owned(), "catch $t0 end\n".to_owned());
    assert_bounded("one tag", &tower(level, 2000, 1));
    let level: Level = |_| ("try".to_owned(), "catch_all end\n".to_owned());
    assert_bounded("all", &tower(level, MANY, 1));
    let level: Level = |_| ("try".to_owned(), "catch_all rethrow 0 end\n".to_owned());
    assert_bounded("all, and again", &within_try(&tower(level, MANY, 1)));
}

#[test]
fn towers_of_delegates() {
    let level: Level = |_| ("try".to_owned(), "delegate 0\n".to_owned());
    assert_bounded("delegate", &within_try(&tower(level, MANY, 1)));
}

#[test]
fn ten_thousand_clauses() {
    let tags: String = (0..MANY).map(|tag| format!("(tag $t{tag} (param i32))")).collect();
    let new: String = (0..MANY).map(|tag| format!("(catch $t{tag} $h)")).collect();
    let old: String = (0..MANY).map(|tag| format!("catch $t{tag}\n")).collect();
    let text = format!(
        "(module {tags}
            (func $throw (param i32)
                (if (i32.eq (local.get 0) (i32.const 1)) (then (throw $t0 (i32.const 10))))
                (if (i32.eq (local.get 0) (i32.const 2)) (then (throw $t9999 (i32.const 20)))))
            (func (export \"new\") (param i32) (result i32)
                (block $h (result i32)
                    (try_table {new} (call $throw (local.get 0))) (i32.const 1)))
            (func (export \"old\") (param i32) (result i32)
                try (result i32) (call $throw (local.get 0)) (i32.const 1) {old} end))"
    );
    let begin = Instant::now();
    let mut store = Store::new(&Engine::default(), ());
    let guest = instantiate(&mut store, &text, &[]);
    for name in ["new", "old"] {
        let ends = [0, 1, 2].map(|param| run(&mut store, guest, name, &[param]));
        assert_eq!(ends, [Value(1), Value(10), Value(20)], "{name}");
    }
    assert!(begin.elapsed() < LONGEST, "{:?}", begin.elapsed());
}

/// Many handlers beside each other, each with its own values.
#[test]
fn a_thousand_tables() {
    let tables: String = (0..1000)
        .map(|n| {
            format!(
                "(local.set $sum (i32.add (local.get $sum) (block $h (result i32)
                    (try_table (result i32) (catch $t $h)
                        (call $throw (i32.eq (local.get 0) (i32.const {n}))) (i32.const 0)))))\n"
            )
        })
        .collect();
    let text = format!(
        "(module (tag $t (param i32))
            (func $throw (param i32) (if (local.get 0) (then (throw $t (i32.const 5)))))
            (func (export \"run\") (param i32) (result i32) (local $sum i32)
                {tables} (local.get $sum)))"
    );
    let mut store = Store::new(&Engine::default(), ());
    let guest = instantiate(&mut store, &text, &[]);
    for (param, sum) in [(0, 5), (500, 5), (999, 5), (1000, 0)] {
        assert_eq!(run(&mut store, guest, "run", &[param]), Value(sum));
    }
}

#[test]
fn invalid_modules() {
    let cases = [
        ("(tag (result i32))", "non-empty tag result type"),
        ("(import \"\" \"\" (tag (param i32) (result i32)))", "non-empty tag result type"),
        ("(func (throw 0))", "unknown tag 0"),
        ("(tag) (func (throw 1))", "unknown tag 1"),
        ("(func (try_table (catch 3 0)))", "unknown tag 3"),
        (
            "(func (block (result exnref) (try_table (catch_ref 3 0)) unreachable) drop)",
            "unknown tag 3",
        ),
        ("(func try catch 2 end)", "unknown tag 2"),
        ("(export \"t\" (tag 0))", "unknown tag 0"),
        ("(func (try_table (catch_all 5)))", "unknown label"),
        ("(func try delegate 7)", "unknown label"),
        ("(func try catch_all rethrow 2 end)", "unknown label"),
        ("(func (rethrow 0))", "catch"),
        ("(func try (rethrow 0) catch_all end)", "catch"),
        ("(func (block (rethrow 0)))", "catch"),
        ("(func catch_all)", "catch"),
        ("(func try catch_all catch_all end)", "catch_all"),
        ("(tag) (func try catch_all catch 0 end)", "catch"),
        ("(func block delegate 0)", "delegate"),
        ("(func (throw_ref (ref.null func)))", "type mismatch"),
        ("(func (throw_ref))", "type mismatch"),
        ("(tag (param i32)) (func (throw 0))", "type mismatch"),
        ("(tag (param i32)) (func (throw 0 (i64.const 0)))", "type mismatch"),
        ("(tag (param i32)) (func (try_table (catch 0 0)))", "type mismatch"),
        ("(tag) (func (try_table (catch_ref 0 0)))", "type mismatch"),
        ("(func (try_table (catch_all_ref 0)))", "type mismatch"),
        ("(func (result i32) try (result i32) i32.const 0 catch_all end)", "type mismatch"),
    ];
    for (body, message) in cases {
        let error = module(&Engine::default(), &format!("(module {body})")).expect_err(body);
        assert!(error.to_string().contains(message), "{body}: {error}");
    }
}

/// A switch takes away one form and leaves the other, and the error tells which is off.
#[test]
fn switches() {
    let new = [
        "(tag)",
        "(import \"\" \"\" (tag))",
        "(func (try_table))",
        "(func (throw_ref (ref.null exn)))",
        "(global exnref (ref.null exn))",
        "(func (param exnref))",
    ];
    let old = ["(func try end)", "(func try catch_all end)", "(func try delegate 0)"];
    let engine = |exceptions, legacy| {
        let mut config = Config::new();
        config.wasm_exceptions(exceptions).wasm_legacy_exceptions(legacy);
        Engine::new(&config).expect("an engine")
    };
    let compile = |engine: &Engine, body: &str| module(engine, &format!("(module {body})"));
    let (without_new, without_old) = (engine(false, true), engine(true, false));
    let (all, none) = (engine(true, true), engine(false, false));
    for body in new.iter().chain(&old) {
        compile(&all, body).expect(body);
        compile(&none, body).expect_err(body);
    }
    for body in old {
        let error = compile(&without_old, body).expect_err(body).to_string();
        assert!(
            error.contains("legacy_exceptions") || error.contains("legacy exceptions"),
            "{error}"
        );
        compile(&without_new, body).expect(body);
    }
    for body in new {
        compile(&without_old, body).expect(body);
        let Err(error) = compile(&without_new, body) else {
            // Both forms have tags.
            assert!(body.contains("tag"), "{body}");
            continue;
        };
        assert!(error.to_string().contains("exception"), "{body}: {error}");
    }
}

/// Modules that both forms are used in, with the checks of the compiler's intermediate code on.
#[test]
fn towers_of_both_forms() {
    let (mut begins, mut ends) = (String::new(), String::new());
    for _ in 0..100 {
        begins += "block try_table (catch $a 0) i32.const 0 call $throw
            try i32.const 0 call $throw\n";
        ends = format!("catch $b rethrow 0 end end end\n{ends}");
    }
    let text = format!(
        "(module (tag $a) (tag $b)
            (func $throw (param i32)
                (if (i32.eq (local.get 0) (i32.const 1)) (then (throw $a)))
                (if (i32.eq (local.get 0) (i32.const 2)) (then (throw $b))))
            (func (export \"run\") (param i32) (result i32)
                {begins} local.get 0 call $throw i32.const 5 return {ends} i32.const 6))"
    );
    for engine in engines() {
        let mut store = Store::new(&engine, ());
        let guest = instantiate(&mut store, &text, &[]);
        let ends = [0, 1, 2].map(|param| run(&mut store, guest, "run", &[param]));
        assert_eq!(ends, [Value(5), Value(6), Thrown(vec![])]);
    }
}
