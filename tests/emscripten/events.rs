//! Timers, main loops, alarms and sleep: what JavaScript's event loop is for.

use crate::programs::as_in_node;
use crate::{engine, set_up};
use palisade::{Error, Module, Trap};
use palisade_emscripten::EmscriptenBuilder;
use palisade_wasi::MemoryOutputPipe;
use std::time::{Duration, Instant};

#[test]
fn timers_and_main_loops() {
    as_in_node("e_timers", "e_timers", &[], "", None);
    as_in_node("e_timers", "e_timers_leaves", &["leaves"], "", None);
}

#[test]
fn what_is_called_behind_main() {
    for name in ["q_later", "q_later_exit"] {
        for case in ["0", "1", "2", "3", "4", "5", "6"] {
            as_in_node(name, &format!("{name}_{case}"), &[case], "", None);
        }
    }
    // In Node a program with an end does not end after it has cleared a timer.
    as_in_node("q_later", "q_later_7", &["7"], "", None);
}

#[test]
fn sleep() {
    as_in_node("q_later_sleep", "q_later_sleep", &["8"], "", None);
}

/// More than anything takes that ends by itself.
const LONG: Duration = Duration::from_secs(60);
/// For guests that go on until they are interrupted.
const SHORT: Duration = Duration::from_millis(700);

/// Runs a module whose `main` has this body, for no longer than `limit`. `$call` in the table
/// takes an argument, which it prints as a letter.
fn run(imports: &str, body: &str, limit: Duration) -> (String, Result<i32, Error>) {
    let text = format!(
        r#"(module {imports}
            (import "env" "emscripten_outn" (func $out (param i32 i32)))
            (memory (export "memory") 1)
            (table (export "__indirect_function_table") 6 funcref)
            (elem (i32.const 1) $call $loop $i64 $trap)
            (func $call (param i32)
                (i32.store8 (i32.const 0) (local.get 0))
                (call $out (i32.const 0) (i32.const 1)))
            (func $loop (loop $l (br $l)))
            (func $i64 (param i64))
            (func $trap (param i32) (unreachable))
            (func (export "_emscripten_timeout") (param i32 f64)
                (call $call (i32.add (local.get 0) (i32.const 65))))
            (func (export "main") (result i32) {body}))"#
    );
    let stdout = MemoryOutputPipe::new(4096);
    let mut builder = EmscriptenBuilder::new();
    builder.arg("name").stdout(stdout.clone());
    let module = Module::new(engine(), text).unwrap();
    let (mut store, program) = set_up(&module, &mut builder).unwrap();
    let handle = store.interrupt_handle();
    let (done, over) = std::sync::mpsc::channel::<()>();
    let stop = std::thread::spawn(move || {
        if over.recv_timeout(limit).is_err() {
            handle.interrupt();
        }
    });
    let result = program.run(&mut store);
    let _ = done.send(());
    stop.join().unwrap();
    (String::from_utf8(stdout.contents().to_vec()).unwrap(), result)
}

const TIMEOUT: &str = r#"(import "env" "emscripten_set_timeout"
    (func $timeout (param i32 f64 i32) (result i32)))"#;

fn timeout(index: u32, millis: &str) -> String {
    format!("(call $timeout (i32.const {index}) (f64.const {millis}) (i32.const 88))")
}

#[test]
fn interval_timers_of_newer_versions() {
    let (stdout, result) = run(
        r#"(import "env" "_setitimer_js" (func $set (param i32 f64) (result i32)))"#,
        "(drop (call $set (i32.const 0) (f64.const 40)))
         (drop (call $set (i32.const 1) (f64.const 20)))
         (drop (call $set (i32.const 2) (f64.const 10)))
         (drop (call $set (i32.const 2) (f64.const 0)))
         (drop (call $set (i32.const 0) (f64.const 5)))
         (call $set (i32.const 3) (f64.const 1))",
        LONG,
    );
    // The first one was set anew.
    assert_eq!((&stdout[..], result.unwrap()), ("A\nB\n", -1));
}

#[test]
fn strange_times() {
    for (millis, fires) in [
        ("0", true),
        ("-5", true),
        ("-inf", true),
        ("nan", true),
        ("-1e300", true),
        ("inf", false),
        ("1e300", false),
        ("1e15", false),
    ] {
        let limit = if fires { LONG } else { SHORT };
        let body = format!("{} i32.const 1 i32.sub", timeout(1, millis));
        let (stdout, result) = run(TIMEOUT, &body, limit);
        assert_eq!(stdout == "X\n", fires, "{millis}");
        match fires {
            true => assert_eq!(result.unwrap(), 0),
            // It would go on for ten years.
            false => assert_eq!(result.unwrap_err().downcast_ref(), Some(&Trap::Interrupt)),
        }
    }
}

#[test]
fn what_cannot_be_called() {
    for (index, trap) in [
        (0, Trap::IndirectCallToNull),
        (3, Trap::BadSignature),
        (4, Trap::UnreachableCodeReached),
        (6, Trap::TableOutOfBounds),
        (u32::MAX, Trap::TableOutOfBounds),
        (2, Trap::Interrupt),
    ] {
        let limit = if trap == Trap::Interrupt { SHORT } else { LONG };
        let (_, result) = run(TIMEOUT, &timeout(index, "1"), limit);
        assert_eq!(result.unwrap_err().downcast_ref(), Some(&trap), "{index}");
    }
}

#[test]
fn timers_are_limited() {
    let body = format!("(loop $l {} drop (br $l)) unreachable", timeout(1, "1000"));
    let (_, result) = run(TIMEOUT, &body, LONG);
    assert!(format!("{:#}", result.unwrap_err()).contains("more than 65536 timers"));
}

#[test]
fn sleep_ends_with_an_interrupt() {
    let start = Instant::now();
    let (stdout, result) = run(
        &format!(r#"(import "env" "emscripten_sleep" (func $sleep (param i32))) {TIMEOUT}"#),
        &format!("{} drop (call $sleep (i32.const -1)) i32.const 0", timeout(1, "1")),
        SHORT,
    );
    assert_eq!(stdout, "X\n");
    assert_eq!(result.unwrap_err().downcast_ref(), Some(&Trap::Interrupt));
    assert!(start.elapsed() < Duration::from_secs(60));
}

/// A main loop is not called again while it runs; and pointers for its timing are checked.
#[test]
fn main_loops_of_hostile_guests() {
    let imports = format!(
        r#"(import "env" "emscripten_set_main_loop_arg" (func $set (param i32 i32 i32 i32)))
           (import "env" "emscripten_set_main_loop_timing" (func $timing (param i32 i32) (result i32)))
           (import "env" "emscripten_get_main_loop_timing" (func $get (param i32 i32))) {TIMEOUT}"#
    );
    let set = |rate: &str| format!("(call $set (i32.const 1) (i32.const 88) {rate} (i32.const 0))");
    for (rate, mode, value) in [
        ("(i32.const -2147483648)", "(i32.const 7)", "(i32.const -2147483648)"),
        ("(i32.const 2147483647)", "(i32.const 0)", "(i32.const 2147483647)"),
        ("(i32.const 0)", "(i32.const 1)", "(i32.const 2147483647)"),
    ] {
        let body = format!("{} (call $timing {mode} {value})", set(rate));
        let (stdout, result) = run(&imports, &body, SHORT);
        assert!(stdout.starts_with('X'), "{rate}");
        assert_eq!(result.unwrap_err().downcast_ref(), Some(&Trap::Interrupt), "{rate}");
    }
    let (_, result) =
        run(&imports, "(call $get (i32.const 0) (i32.const 65533)) i32.const 0", LONG);
    assert!(result.is_err());
    let (_, result) = run(&imports, "(call $timing (i32.const 0) (i32.const 0))", LONG);
    assert_eq!(result.unwrap(), 1);
}
