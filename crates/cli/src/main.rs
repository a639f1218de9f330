//! The `palisade` program. Everything it does is in the library of the same crate, where tests reach it.

#![forbid(unsafe_code)]

use std::process::ExitCode;

fn main() -> ExitCode {
    palisade_cli::main(std::env::args_os())
}
