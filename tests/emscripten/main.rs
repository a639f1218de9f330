//! Programs and libraries that Emscripten has made, run without JavaScript.
//!
//! Their sources are in `tests/guests/emscripten/src`; what the programs named `p_*` should do is
//! what they do in Node with the JavaScript that emcc makes (`tools/build-emscripten.sh`).

#![forbid(unsafe_code)]

mod ending;
mod events;
mod exports;
mod files;
mod glue;
mod hostile;
mod libraries;
mod linking;
mod minified;
mod newer;
mod programs;
mod threads;
mod threads_newer;

use palisade::{Engine, Linker, Module, Result, Store};
use palisade_emscripten::{Emscripten, EmscriptenBuilder, Imports, Program, Threads};
use palisade_wasi::{MemoryInputPipe, MemoryOutputPipe};
use std::sync::OnceLock;

/// One engine for all tests.
fn engine() -> &'static Engine {
    static ENGINE: OnceLock<Engine> = OnceLock::new();
    ENGINE.get_or_init(Engine::default)
}

/// A guest program of the tree.
fn guest(name: &str) -> Module {
    load("emscripten", name)
}

/// A guest library of the tree, as the tests of `palisade-guest` use too.
fn library(name: &str) -> Module {
    load("emscripten-lib", name)
}

fn load(folder: &str, name: &str) -> Module {
    let path = format!("{}/guests/{folder}/{name}.wasm", env!("CARGO_MANIFEST_DIR"));
    Module::from_file(engine(), path).unwrap()
}

/// A file beside the guest programs.
fn file(name: &str) -> String {
    let path = format!("{}/guests/emscripten/{name}", env!("CARGO_MANIFEST_DIR"));
    std::fs::read_to_string(path).unwrap()
}

/// What a program has done.
#[derive(Debug)]
struct Outcome {
    stdout: String,
    stderr: String,
    result: Result<i32>,
}

impl Outcome {
    /// As the expectations are written down.
    fn text(&self) -> String {
        match &self.result {
            Ok(code) => format!("{}exit code {}\n", self.stdout, code & 0xff),
            Err(error) => format!("{}{error:#}\n", self.stdout),
        }
    }

    #[track_caller]
    fn error(&self) -> String {
        format!("{:#}", self.result.as_ref().expect_err("the program should have failed"))
    }
}

/// A store with a program in it.
fn set_up(
    module: &Module,
    builder: &mut EmscriptenBuilder,
) -> Result<(Store<Emscripten>, Program<Emscripten>)> {
    let mut linker = Linker::new(engine());
    Imports::of(module).add_to_linker(&mut linker, |guest: &mut Emscripten| guest)?;
    let mut store = Store::new(engine(), builder.build()?);
    let program =
        Program::with_threads(&mut store, &linker, module, |guest| guest, Threads::new())?;
    Ok((store, program))
}

/// Runs a program with arguments after its name, and all that `change` gives it.
fn run_with(
    name: &str,
    args: &[&str],
    input: &str,
    change: impl FnOnce(&mut EmscriptenBuilder) -> &mut EmscriptenBuilder,
) -> Outcome {
    let (stdout, stderr) = (MemoryOutputPipe::new(1 << 20), MemoryOutputPipe::new(1 << 20));
    let mut builder = EmscriptenBuilder::new();
    builder
        .arg(name)
        .args(args)
        .stdin(MemoryInputPipe::new(input.as_bytes().to_vec()))
        .stdout(stdout.clone())
        .stderr(stderr.clone());
    let module = guest(name);
    let result = set_up(&module, change(&mut builder))
        .and_then(|(mut store, program)| program.run(&mut store));
    let text = |pipe: MemoryOutputPipe| String::from_utf8_lossy(&pipe.contents()).into_owned();
    Outcome { stdout: text(stdout), stderr: text(stderr), result }
}

/// Runs a program.
fn run(name: &str, args: &[&str]) -> Outcome {
    run_with(name, args, "", |builder| builder)
}
