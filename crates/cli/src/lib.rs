//! The `palisade` program as a library: its commands, and the runner of specification scripts for test suites.
//!
//! This file is the table of contents: what the command line looks like, and which file does what.
//! Invariant: a command never ends the process itself, unless a thread that a guest has started ends the program. It
//! returns, and [`main`] turns the outcome into an exit status: the guest's own, 134 after a trap, 1 for what cannot be
//! loaded or is not valid, 2 for wrong usage.

#![deny(unsafe_code)]

mod cache;
mod compile;
mod emscripten;
mod failure;
mod input;
mod inspect;
mod invoke;
mod output;
mod precompiled;
mod run;
mod validate;
pub mod wast;

use clap::{Parser, Subcommand};
use failure::Failure;
use output::Output;
use std::ffi::OsString;
use std::process::ExitCode;

const EXAMPLES: &str = "\
Examples:
  palisade hello.wasm one two          run a program; what follows the file is its own
  palisade run --dir data::/ app.wasm  let it see the directory `data` as its root
  palisade run --dir data::/in::ro --env LANG=C --env HOME app.wasm
                                       only to read; with one variable set and one passed on
  palisade run --tcplisten 127.0.0.1:8080 server.wasm
                                       accept connections from the socket, descriptor 3
  palisade run --wasi threads app.wasm
                                       let it start threads
  palisade run --dir data::/data --on-oom null program.wasm
                                       run what Emscripten has made, with a folder
  palisade run --invoke add math.wat 1 0x2a
                                       call one function, print its results
  palisade run --preload host=shim.wat app.wasm
                                       resolve imports from `host` by the exports of shim.wat
  cat app.wasm | palisade -            read the module from standard input
  palisade compile app.wasm            make app.pal, which begins at once
  palisade cache stats                 what is kept of modules that were run
  palisade wast tests/                 run every specification script below a directory
  palisade validate *.wasm             check modules
  palisade inspect app.wasm            show what a module is made of

Exit status: that of the guest; 128 and the number of a signal that it raised; 134 after a trap; 1 when a module or file cannot be loaded,
is not valid or does not link, or an assertion of a script failed; 2 for wrong usage.";

/// Runs, tests, checks and describes WebAssembly modules.
#[derive(Parser)]
#[command(
    name = "palisade",
    version,
    args_conflicts_with_subcommands = true,
    subcommand_negates_reqs = true,
    override_usage = "palisade [OPTIONS] <FILE> [ARGS]...\n       palisade <COMMAND>",
    after_help = EXAMPLES
)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,

    /// Without a command name, the arguments are those of `run`.
    #[command(flatten)]
    run: run::Options,
}

#[derive(Subcommand)]
enum Command {
    /// Run a program, or one function of a module (`run` may be left out)
    #[command(override_usage = "palisade run [OPTIONS] <FILE> [ARGS]...", after_help = EXAMPLES)]
    Run(run::Options),
    /// Compile a module into a file that `run` loads at once, on this machine and with this version
    Compile(compile::Options),
    /// Look at compiled modules of earlier runs, or remove them
    #[command(subcommand)]
    Cache(cache::Command),
    /// Look into what Emscripten has made
    #[command(subcommand)]
    Emscripten(emscripten::Command),
    /// Run specification scripts (.wast) and count their assertions
    Wast(wast::Options),
    /// Check that modules are valid
    Validate(validate::Options),
    /// Show what a module is made of
    Inspect(inspect::Options),
}

/// Does what the command line says and gives the exit status. `args` begins with the name of the program.
pub fn main(args: impl IntoIterator<Item = OsString>) -> ExitCode {
    let cli = match Cli::try_parse_from(args) {
        Ok(cli) => cli,
        Err(error) => return usage(&error),
    };
    dispatch(&cli).unwrap_or_else(|failure| failure.report().into())
}

fn dispatch(cli: &Cli) -> Result<ExitCode, Failure> {
    let out = &mut Output::stdout();
    match &cli.command {
        None => run::execute(&cli.run, out),
        Some(Command::Run(options)) => run::execute(options, out),
        Some(Command::Compile(options)) => compile::execute(options),
        Some(Command::Cache(command)) => cache::execute(command, out),
        Some(Command::Emscripten(command)) => emscripten::execute(command, out),
        Some(Command::Wast(options)) => wast::execute(options, out),
        Some(Command::Validate(options)) => validate::execute(options, out),
        Some(Command::Inspect(options)) => inspect::execute(options, out),
    }
}

/// Prints help, the version, or what was wrong with the command line.
fn usage(error: &clap::Error) -> ExitCode {
    // Nobody may be reading; the status still tells.
    let _ = error.print();
    ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2))
}
