//! Measures Palisade against other runtimes in one run. See the crate's library for how.
//!
//! What has to be unsafe is here, so that the library can forbid it.

use std::path::Path;
use std::process::ExitCode;
use wasmtime::{Engine, Module};

fn main() -> ExitCode {
    palisade_bench::main(load)
}

/// Loads code that an earlier process serialised.
fn load(engine: &Engine, path: &Path) -> wasmtime::Result<Module> {
    // SAFETY: the file is one that this program wrote below its target directory from `Module::serialize`, and that
    // nobody changes: wasmtime itself refuses what other versions or settings of it wrote.
    unsafe { Module::deserialize_file(engine, path) }
}
