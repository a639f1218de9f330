//! Specification scripts (`.wast`): `palisade wast`, and [`run_file`] and [`run_script`] for test suites.
//!
//! `script.rs` carries out directives, `values.rs` reads, compares and shows values, `spectest.rs` is the host module
//! that scripts import from. A script never stops early: what cannot be done is a failure at its line.
//! Scripts share nothing with each other but the engine.
//!
//! Spec: the script grammar is documented with the reference interpreter.

mod script;
mod spectest;
mod values;

use crate::failure;
use crate::output::Output;
use palisade::{Config, Engine, Error};
use std::fmt;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// What `wast` takes.
#[derive(clap::Args)]
pub(crate) struct Options {
    /// Scripts, or directories that are searched for them
    #[arg(value_name = "FILE|DIR", required = true)]
    paths: Vec<PathBuf>,
}

/// What became of one script.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FileReport {
    /// Assertions that hold.
    pub passed: usize,
    /// Assertions that do not, and directives that could not be carried out.
    pub failures: Vec<Failure>,
}

/// A directive that failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// The script, as it was named.
    pub file: String,
    /// The line of the directive, from 1.
    pub line: usize,
    /// What was expected and what happened.
    pub message: String,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.file, self.line, self.message)
    }
}

/// Runs the script in `path`. A file that cannot be read is a failure of its first line.
pub fn run_file(path: &Path, engine: &Engine) -> FileReport {
    let name = path.to_string_lossy();
    let text = std::fs::read(path)
        .map_err(|error| (1, format!("cannot read: {error}")))
        .and_then(|bytes| String::from_utf8(bytes).map_err(|error| not_text(&error)));
    match text {
        Ok(text) => run_script(&name, &text, engine),
        Err((line, message)) => {
            let failure = Failure { file: name.into_owned(), line, message };
            FileReport { passed: 0, failures: vec![failure] }
        }
    }
}

/// Runs a script given as text; `name` is what its failures call it.
pub fn run_script(name: &str, text: &str, engine: &Engine) -> FileReport {
    script::run(name, text, engine)
}

pub(crate) fn execute(options: &Options, out: &mut Output) -> Result<ExitCode, failure::Failure> {
    let mut scripts = Vec::new();
    for path in &options.paths {
        let what = format!("cannot collect the scripts of `{}`", path.display());
        collect(path, &mut scripts).map_err(failure::Failure::during(what))?;
    }

    let engine =
        Engine::new(&all_proposals()).map_err(failure::Failure::during("cannot make an engine"))?;
    let (mut passed, mut failed) = (0, 0);
    for script in &scripts {
        let report = run_file(script, &engine);
        passed += report.passed;
        failed += report.failures.len();
        for failure in &report.failures {
            writeln!(out, "{failure}")?;
        }
    }
    writeln!(out, "{passed} passed, {failed} failed")?;
    out.flush()?;
    Ok(if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Every proposal that is built, also those that are off by default: scripts are there to test them.
fn all_proposals() -> Config {
    let mut config = Config::new();
    config.wasm_custom_page_sizes(true).wasm_wide_arithmetic(true);
    config
}

/// Adds the script `path`, or every script below the directory `path` in the order of their names.
fn collect(path: &Path, scripts: &mut Vec<PathBuf>) -> Result<(), Error> {
    if !std::fs::metadata(path)?.is_dir() {
        scripts.push(path.to_path_buf());
        return Ok(());
    }
    let before = scripts.len();
    walk(path, scripts)?;
    if scripts.len() == before {
        // Nothing run would read as nothing failed.
        return Err(Error::msg("there is no .wast file in this directory"));
    }
    Ok(())
}

fn walk(directory: &Path, scripts: &mut Vec<PathBuf>) -> io::Result<()> {
    let mut entries = std::fs::read_dir(directory)?.collect::<io::Result<Vec<_>>>()?;
    entries.sort_by_key(std::fs::DirEntry::file_name);
    for entry in entries {
        let path = entry.path();
        // The entry's own type: a link to a directory is not followed, since it may lead back.
        if entry.file_type()?.is_dir() {
            walk(&path, scripts)?;
        } else if path.extension().is_some_and(|extension| extension == "wast") {
            scripts.push(path);
        }
    }
    Ok(())
}

/// The line at which bytes stop being text, and the message for it.
fn not_text(error: &std::string::FromUtf8Error) -> (usize, String) {
    let good = &error.as_bytes()[..error.utf8_error().valid_up_to()];
    let line = 1 + good.iter().filter(|&&byte| byte == b'\n').count();
    (line, "the script is not UTF-8".into())
}
