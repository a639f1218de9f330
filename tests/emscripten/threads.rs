//! Programs with threads.

use crate::{engine, file, guest, run, run_with, set_up};

/// Runs a program, which must do what it does in Node.
#[track_caller]
fn as_in_node(name: &str) {
    assert_eq!(run(name, &[]).text(), file(&format!("expected/{name}.txt")));
}

#[test]
fn four_threads_and_a_mutex() {
    let outcome = run("threads", &[]);
    assert_eq!(outcome.stdout, "total=4000 sum=100\n");
    assert_eq!(outcome.result.unwrap(), 0);
}
