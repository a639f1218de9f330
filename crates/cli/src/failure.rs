//! Why a command failed, how that is told on standard error, and the exit status it gives.
//!
//! The classification is made here only: a guest's own exit is no failure and prints nothing.

use palisade::{Error, Trap, WasmBacktrace};
use palisade_emscripten::{Aborted, MissingFunction, UncaughtException};
use palisade_wasi::I32Exit;
use std::fmt::Display;
use std::io::{self, Write};

/// What a shell reports for a process that was aborted (128 + SIGABRT): a trap is the guest's way to abort.
const TRAPPED: u8 = 134;

/// Why a command did not do what it was asked.
pub(crate) enum Failure {
    /// The command line makes no sense for this module.
    Usage(String),
    /// An error that says itself what it is about.
    Error(Error),
    /// Something went wrong, or a guest asked to exit, while doing `what`.
    While { what: String, error: Error },
    /// Standard output cannot be written to.
    Output(io::Error),
}

impl Failure {
    pub(crate) fn usage(message: impl Display) -> Failure {
        Failure::Usage(message.to_string())
    }

    /// For `map_err`: an error that arose while doing `what`.
    pub(crate) fn during<E: Into<Error>>(what: impl Display) -> impl FnOnce(E) -> Failure {
        move |error| Failure::While { what: what.to_string(), error: error.into() }
    }

    /// Tells the user, and gives the exit status.
    pub(crate) fn report(self) -> u8 {
        let (text, status) = match self {
            Failure::Usage(message) => (format!("error: {message}"), 2),
            Failure::Output(error) => (format!("Error: cannot write the output: {error}"), 1),
            Failure::Error(error) => (describe(&error), 1),
            Failure::While { what, error } => {
                if let Some(exit) = error.downcast_ref::<I32Exit>() {
                    return exit_status(exit.0);
                }
                match error.downcast_ref::<Trap>() {
                    Some(trap) => (describe_trap(&what, trap, &error), TRAPPED),
                    None if is_abort(&error) => {
                        let messages = error.messages().join(": ");
                        (with_backtrace(format!("Error: {what}: {messages}"), &error), TRAPPED)
                    }
                    None => (describe(&error.context(what)), 1),
                }
            }
        };
        // Without a standard error there is nobody to tell; the status remains.
        let _ = writeln!(io::stderr(), "{text}");
        status
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Failure {
        Failure::Output(error)
    }
}

/// The byte that the system keeps of an exit code.
fn exit_status(code: i32) -> u8 {
    code.to_le_bytes()[0]
}

/// The error and, below it, its causes.
fn describe(error: &Error) -> String {
    format!("Error: {error:?}").trim_end().to_string()
}

/// Whether the guest has ended itself in a way that is no exit.
fn is_abort(error: &Error) -> bool {
    error.is::<Aborted>() || error.is::<UncaughtException>() || error.is::<MissingFunction>()
}

/// The trap on the first line, where it is looked for, and where it happened below.
fn describe_trap(what: &str, trap: &Trap, error: &Error) -> String {
    let mut text = format!("Error: {what}: {trap}");
    let messages = error.messages();
    if let [context @ .., _] = &messages[..]
        && !context.is_empty()
    {
        text.push_str(&format!(" ({})", context.join(": ")));
    }
    with_backtrace(text, error)
}

fn with_backtrace(mut text: String, error: &Error) -> String {
    if let Some(backtrace) = error.downcast_ref::<WasmBacktrace>() {
        text.push('\n');
        text.push_str(backtrace.to_string().trim_end());
    }
    text
}

#[cfg(test)]
mod tests {
    use super::exit_status;

    #[test]
    fn exit_codes_are_cut_as_the_system_does() {
        assert_eq!([0, 1, 255, 256, -1].map(exit_status), [0, 1, 255, 0, 255]);
    }
}
