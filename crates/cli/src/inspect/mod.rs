//! `palisade inspect`: what a module is made of.
//!
//! `summary.rs` reads the bytes, `report.rs` prints. Nothing is validated or compiled, so that a module which is not
//! valid, or which this runtime cannot run, can be looked at too: what could be read is printed before the error.

mod report;
mod summary;

use crate::failure::Failure;
use crate::input;
use crate::output::Output;
use palisade::{Engine, Error, Module};
use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;
use summary::Summary;

/// What `inspect` takes.
#[derive(clap::Args)]
pub(crate) struct Options {
    /// The module, binary or text; `-` is standard input
    #[arg(value_name = "FILE")]
    file: PathBuf,
}

pub(crate) fn execute(options: &Options, out: &mut Output) -> Result<ExitCode, Failure> {
    let name = input::display(&options.file);
    let failed = Failure::during(format!("cannot inspect `{name}`"));
    let bytes = match input::read_binary(&options.file) {
        Ok(bytes) => bytes,
        Err(error) => return Err(failed(error)),
    };
    if !bytes.starts_with(b"\0asm") {
        return Err(failed(not_wasm(&bytes)));
    }

    let mut summary = Summary::default();
    let result = summary.read(&bytes);
    report::print(out, &name, bytes.len(), &summary)?;
    out.flush()?;
    result.map_err(failed)?;
    Ok(ExitCode::SUCCESS)
}

/// The runtime knows what other files look like.
fn not_wasm(bytes: &[u8]) -> Error {
    match Module::validate(&Engine::default(), bytes) {
        Err(error) => error,
        Ok(()) => Error::msg("not a WebAssembly binary: it does not begin with \\0asm"),
    }
}
