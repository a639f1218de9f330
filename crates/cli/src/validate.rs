//! `palisade validate`: one line a module, saying that it is valid or what is wrong with it.

use crate::failure::Failure;
use crate::input;
use crate::output::Output;
use palisade::{Engine, Error, Module};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// What `validate` takes.
#[derive(clap::Args)]
pub(crate) struct Options {
    /// Modules, binary or text; `-` is standard input
    #[arg(value_name = "FILE", required = true)]
    files: Vec<PathBuf>,
}

pub(crate) fn execute(options: &Options, out: &mut Output) -> Result<ExitCode, Failure> {
    let engine = Engine::default();
    let mut status = ExitCode::SUCCESS;
    for file in &options.files {
        let name = input::display(file);
        match check(&engine, file) {
            Ok(()) => writeln!(out, "{name}: valid")?,
            Err(error) => {
                status = ExitCode::FAILURE;
                let unread = error.downcast_ref::<std::io::Error>().is_some();
                let verdict = if unread { "cannot be read" } else { "invalid" };
                // The whole chain of causes; errors of the text format bring a picture of several lines.
                let chain = format!("{error:#}");
                writeln!(out, "{name}: {verdict}: {}", chain.trim_end())?;
            }
        }
    }
    Ok(status)
}

fn check(engine: &Engine, file: &Path) -> Result<(), Error> {
    Module::validate(engine, &input::read_binary(file)?)
}
