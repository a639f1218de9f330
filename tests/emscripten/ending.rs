//! Programs that end in another way than by returning.

use crate::{Outcome, run, run_with};
use palisade::Trap;
use palisade_emscripten::{Aborted, OnOom, UncaughtException};

#[test]
fn memory_that_cannot_grow_aborts() {
    let outcome = run("nogrow", &[]);
    assert_eq!(outcome.stdout, "before\n");
    assert!(outcome.result.as_ref().is_err_and(|error| error.is::<Aborted>()));
    let error = outcome.error();
    assert!(error.contains("requested 16781312 bytes"), "{error}");
    assert!(error.contains("at most 16777216 bytes"), "{error}");
}

#[test]
fn or_gives_null_if_asked_to() {
    // The same module: the choice is not to be seen in it.
    for name in ["nogrow", "nogrow_null"] {
        let outcome = run_with(name, &[], "", |builder| builder.on_oom(OnOom::Null));
        assert_eq!(outcome.stdout, "before\nNULL after 10 MiB\n");
        assert_eq!(outcome.result.unwrap(), 2);
    }
}

#[test]
fn memory_that_can_grow_aborts_if_asked_to() {
    let outcome = run_with("grow", &[], "", |builder| builder.on_oom(OnOom::Abort));
    let error = outcome.error();
    assert!(error.contains("at most 134217728 bytes"), "{error}");
}

#[track_caller]
fn uncaught(outcome: &Outcome, message: &str) {
    let error = outcome.result.as_ref().expect_err("it is not caught");
    assert!(error.is::<UncaughtException>(), "{error:?}");
    assert_eq!(outcome.stdout, "begin\n");
    assert_eq!(error.to_string(), message);
}

#[test]
fn uncaught_exceptions_say_their_type_and_message() {
    for name in ["p_uncaught", "p_uncaught_wasm"] {
        for (case, message) in [
            ("0", "uncaught C++ exception of type std::runtime_error: disk is on fire"),
            ("1", "uncaught C++ exception of type app::Error: with a name"),
            ("2", "uncaught C++ exception of type app::Plain"),
            ("3", "uncaught C++ exception of type int"),
        ] {
            uncaught(&run(name, &[case]), message);
        }
        let text = run(name, &["4"]).error();
        assert!(text.contains("of type std::") && text.contains("basic_string<char"), "{text}");
        uncaught(&run(name, &["6"]), "uncaught C++ exception of type app::Two");
    }
}

#[test]
fn aborts_and_failed_assertions() {
    let outcome = run("p_exit", &["3"]);
    assert_eq!(outcome.error(), "aborted");
    let outcome = run("p_exit", &["4"]);
    let error = outcome.error();
    assert!(error.starts_with("assertion failed: argc == 0, at: "), "{error}");
    assert!(error.ends_with(" p_exit.c,19,main"), "{error}");
}

#[test]
fn traps_stay_traps() {
    let outcome = run("p_exit", &["7"]);
    let error = outcome.result.unwrap_err();
    assert_eq!(error.downcast_ref::<Trap>(), Some(&Trap::MemoryOutOfBounds));
    let error = run("p_exit", &["8"]).result.unwrap_err();
    assert_eq!(error.downcast_ref::<Trap>(), Some(&Trap::UnreachableCodeReached));
}

#[test]
fn endless_recursion_is_a_trap_with_a_clear_message() {
    let outcome = run("p_recurse", &[]);
    assert_eq!(outcome.stdout, "start\n");
    assert_eq!(outcome.error(), "wasm trap: call stack exhausted");
}
