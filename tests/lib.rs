//! Test suites over Palisade's public crates; each folder is one suite. Here is what several of them need.

#![forbid(unsafe_code)]

use std::process::Command;

/// Set in a process that runs a single test.
const ALONE: &str = "PALISADE_TEST_ALONE";

/// What runs the current test program once more: itself, after the emulator and its arguments where the program is
/// emulated, which `PALISADE_TEST_RUNNER` then names.
fn program() -> Vec<String> {
    let program = std::env::current_exe().expect("a test has a program");
    let program = program.to_str().expect("its path is UTF-8").to_owned();
    let runner = std::env::var("PALISADE_TEST_RUNNER").unwrap_or_default();
    runner.split_whitespace().map(str::to_owned).chain([program]).collect()
}

/// A command that runs the current test program once more, for tests that need a process of their own.
pub fn this_program() -> Command {
    let words = program();
    let mut command = Command::new(&words[0]);
    command.args(&words[1..]);
    command
}

/// Runs `body` in a process of its own that has no more than `gigabytes` of address space, or as much as it likes, and 1024
/// file descriptors, as many as is usual; `test` is the calling test with its module.
///
/// # Panics
///
/// When the test fails there.
pub fn alone(test: &str, gigabytes: Option<u64>, body: impl FnOnce()) {
    if std::env::var_os(ALONE).is_some() {
        return body();
    }
    let limit = gigabytes.map_or("unlimited".into(), |limit| (limit << 20).to_string());
    let script = format!("ulimit -v {limit} && ulimit -n 1024 && exec \"$0\" \"$@\"");
    let output = Command::new("sh")
        .args(["-c", &script])
        .args(program())
        .args(["--exact", test, "--nocapture", "--test-threads=1"])
        .env(ALONE, "1")
        .output()
        .expect("a shell runs");
    let (out, err) =
        (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{out}{err}");
    assert!(out.contains("1 passed"), "{test} was not run: {out}");
}
