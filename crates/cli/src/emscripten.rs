//! What Emscripten has made: running it, and `palisade emscripten map`.

use crate::failure::Failure;
use crate::input;
use crate::invoke::{self, Invocation};
use crate::output::Output;
use crate::run::{OnOom, Options};
use palisade::{Linker, Module, Store};
use palisade_emscripten::{Emscripten, EmscriptenBuilder, ImportMap, Imports, Program, Threads};
use palisade_wasi::I32Exit;
use std::io::Write;
use std::path::PathBuf;
use std::process::{self, ExitCode};

/// The commands of `palisade emscripten`.
#[derive(clap::Subcommand)]
pub(crate) enum Command {
    /// Print what minified names mean, as JSON for `--import-map`
    Map {
        /// The JavaScript that emcc has made with the module
        #[arg(value_name = "GLUE.js")]
        file: PathBuf,
    },
}

pub(crate) fn execute(command: &Command, out: &mut Output) -> Result<ExitCode, Failure> {
    let Command::Map { file } = command;
    let what = format!("cannot read `{}`", input::display(file));
    let bytes = input::read(file).map_err(Failure::during(&what))?;
    let what = format!("cannot find the names in `{}`", input::display(file));
    let map = palisade_emscripten::map_of_javascript(&String::from_utf8_lossy(&bytes))
        .map_err(Failure::during(what))?;
    writeln!(out, "{}", map.to_json())?;
    Ok(ExitCode::SUCCESS)
}

/// Runs a program, or one function of a library.
pub(crate) fn run(
    options: &Options,
    module: &Module,
    args: &[String],
    invocation: Option<Invocation>,
    out: &mut Output,
) -> Result<ExitCode, Failure> {
    let file = input::display(options.file());
    let map = match &options.import_map {
        Some(path) => Some(read_map(path)?),
        None => None,
    };
    let mut imports = Imports::of(module).stub_missing(options.stub_missing);
    if let Some(map) = &map {
        imports = imports.map(map);
    }
    let mut linker = Linker::new(module.engine());
    imports
        .add_to_linker(&mut linker, |guest: &mut Emscripten| guest)
        .map_err(Failure::during(format!("failed to link `{file}`")))?;

    let mut store = Store::new(module.engine(), context(options, args, map.clone())?);
    // A guest that writes to a pipe that nobody reads ends as a native program does; Rust would have it see an error.
    sigpipe::reset();
    // The thread that runs `main` may be waiting for input when another one ends the program.
    let what = format!("failed to run `{file}`");
    let threads = Threads::new()
        .on_stuck(|error| process::exit(Failure::during(what)(error).report().into()));
    let program = Program::with_threads(&mut store, &linker, module, |guest| guest, threads)
        .map_err(Failure::during(format!("failed to set up `{file}`")))?;
    let Some(invocation) = invocation else {
        if !program.has_entry(&mut store) {
            // A library: it is set up, and there is nothing else to do.
            return Ok(ExitCode::SUCCESS);
        }
        let code =
            program.run(&mut store).map_err(Failure::during(format!("failed to run `{file}`")))?;
        // An exit code is reported as an exit of the guest is: by the one who knows what the system keeps of it.
        return Err(Failure::While { what: String::new(), error: I32Exit(code).into() });
    };
    let results = match invocation.call(&mut store, program.instance()) {
        Err(Failure::While { what, error }) => {
            return Err(Failure::While { what, error: program.explain(&mut store, error) });
        }
        results => results?,
    };
    invoke::print(out, &results)?;
    Ok(ExitCode::SUCCESS)
}

fn read_map(path: &PathBuf) -> Result<ImportMap, Failure> {
    let what = format!("cannot use the import map `{}`", path.display());
    let text = std::fs::read_to_string(path).map_err(Failure::during(&what))?;
    ImportMap::from_json(&text).map_err(Failure::during(what))
}

fn context(
    options: &Options,
    args: &[String],
    map: Option<ImportMap>,
) -> Result<Emscripten, Failure> {
    let mut builder = EmscriptenBuilder::new();
    builder.inherit_stdio().arg(options.program_name()).args(args);
    if options.inherit_env {
        builder.inherit_env();
    }
    for (name, value) in options.variables()? {
        builder.env(name, value);
    }
    for directory in &options.directories {
        let what = format!("cannot open the directory `{}`", directory.host);
        builder
            .mount(&directory.host, &directory.guest, directory.read_only)
            .map_err(Failure::during(what))?;
    }
    if let Some(on_oom) = options.on_oom {
        builder.on_oom(match on_oom {
            OnOom::Abort => palisade_emscripten::OnOom::Abort,
            OnOom::Null => palisade_emscripten::OnOom::Null,
        });
    }
    if let Some(map) = map {
        builder.import_map(map);
    }
    builder.build().map_err(Failure::during("failed to prepare what the guest will see"))
}
