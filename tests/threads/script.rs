//! The directives `thread` and `wait` of scripts.

use crate::engine;
use palisade_cli::wast::{FileReport, run_script};

fn run(text: &str) -> FileReport {
    run_script("script", text, &engine())
}

#[track_caller]
fn assert_passes(text: &str, passed: usize) {
    let report = run(text);
    assert_eq!((report.passed, &report.failures[..]), (passed, &[][..]));
}

#[test]
fn threads_share_a_memory() {
    assert_passes(
        r#"(module $Mem (memory (export "shared") 1 1 shared))
        (thread $T1 (shared (module $Mem))
            (register "mem" $Mem)
            (module
                (memory (import "mem" "shared") 1 10 shared)
                (func (export "run") (result i32)
                    (memory.atomic.wait32 (i32.const 0) (i32.const 0) (i64.const -1))))
            ;; Another thread may have changed the value before: "not-equal".
            (assert_return (invoke "run") (either (i32.const 0) (i32.const 1))))
        (thread $T2 (shared (module $Mem))
            (register "mem" $Mem)
            (module
                (memory (import "mem" "shared") 1 1 shared)
                (func (export "notify") (result i32)
                    (i32.atomic.store (i32.const 0) (i32.const 1))
                    (memory.atomic.notify (i32.const 0) (i32.const 1))))
            (assert_return (invoke "notify") (either (i32.const 0) (i32.const 1))))
        (wait $T1)
        (wait $T2)
        (register "mem" $Mem)
        (module
            (memory (import "mem" "shared") 1 1 shared)
            (func (export "load") (result i32) (i32.load (i32.const 0))))
        (assert_return (invoke "load") (i32.const 1))"#,
        3,
    );
}

/// Threads see nothing but what is shared: not the registered names, not the unshared exports.
#[test]
fn threads_are_apart() {
    let report = run(r#"(module $Mem
            (memory (export "shared") 1 1 shared)
            (memory (export "plain") 1 1)
            (func (export "f")))
        (register "other" $Mem)
        (thread $T1 (shared (module $Mem))
            (assert_unlinkable (module (import "other" "shared" (memory 1 1 shared))) "unknown import")
            (register "mem" $Mem)
            (module (import "mem" "shared" (memory 1 1 shared)))
            (assert_unlinkable (module (import "mem" "plain" (memory 1 1))) "unknown import")
            (assert_unlinkable (module (import "mem" "f" (func))) "unknown import")
            (module (import "spectest" "shared_memory" (memory 1 2 shared))))
        (thread $T2
            (register "mem" $Mem))
        (wait $T1)
        (wait $T2)
        (wait $T2)
        (thread $T3 (shared (module $Missing)))"#);
    assert_eq!(report.passed, 3);
    let messages: Vec<_> = report.failures.iter().map(|f| (f.line, f.message.as_str())).collect();
    assert_eq!(
        messages,
        [(14, "no instance $Mem"), (17, "no thread $T2"), (18, "no instance $Missing"),]
    );
}

/// Failures of a thread are failures of the script, also if nobody waits for it.
#[test]
fn threads_report() {
    let report = run(r#"(module)
        (thread $T1
            (module (func (export "f") (result i32) (i32.const 1)))
            (assert_return (invoke "f") (i32.const 1))
            (assert_return (invoke "f") (i32.const 2)))"#);
    assert_eq!((report.passed, report.failures.len()), (1, 1));
    assert_eq!(report.failures[0].line, 5);
}
