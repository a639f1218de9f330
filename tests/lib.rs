//! Test suites over Palisade's public crates; each folder is one suite. Here is what several of them need.

#![forbid(unsafe_code)]

use std::process::Command;

/// A command that runs the current test program once more, for tests that need a process of their own.
///
/// Where the program is emulated, `PALISADE_TEST_RUNNER` names the emulator and its arguments.
pub fn this_program() -> Command {
    let program = std::env::current_exe().expect("a test has a program");
    let runner = std::env::var("PALISADE_TEST_RUNNER").unwrap_or_default();
    let mut words = runner.split_whitespace();
    let Some(emulator) = words.next() else { return Command::new(program) };
    let mut command = Command::new(emulator);
    command.args(words).arg(program);
    command
}
