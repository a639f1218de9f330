//! Programs that Emscripten made: ours, without its JavaScript, against Node.js with it.
//!
//! The programs are in `benches/emscripten`. Their JavaScript is made when it is needed, by `emcc` if that is installed; the
//! module that comes with it must be the one in the tree, so that both sides run the same.

use super::embedding::each;
use crate::contender::{Sample, Sampler};
use crate::guests;
use crate::process::Process;
use palisade::{Engine, Linker, Module, Store};
use palisade_emscripten::{Emscripten, EmscriptenBuilder, add_to_linker};
use std::fmt::Write;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::LazyLock;
use std::time::Instant;
use std::{fs, io};

/// Builds the programs into the folder that it is given.
const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../tools/build-bench-emscripten.sh");

/// Calls libraries by their JavaScript.
const DRIVER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/drivers/emscripten.mjs");

/// Without this option, the JavaScript of 3.1.6 takes files for addresses on the network.
const NODE_OPTION: &str = "--no-experimental-fetch";

/// What is measured.
pub(crate) struct Program {
    pub(crate) name: &'static str,
    pub(crate) about: &'static str,
    pub(crate) expected: i64,
    /// The name of its files.
    file: &'static str,
    module: &'static [u8],
    work: Work,
}

/// How a program is run.
#[derive(Clone, Copy)]
enum Work {
    /// `run` of a library, in a process that goes on, with so many operations.
    Run(u32),
    /// A whole process, which prints lines.
    Print,
}

macro_rules! program {
    ($name:literal, $about:literal, $file:literal, $work:expr, $expected:literal) => {
        Program {
            name: $name,
            about: $about,
            expected: $expected,
            file: $file,
            module: include_bytes!(concat!("../../emscripten/", $file, ".wasm")),
            work: $work,
        }
    };
}

/// Lines that `print.c` prints.
const LINES: u32 = 1_000_000;

/// All that is measured. What is expected is what native code gives.
pub(crate) static PROGRAMS: [Program; 5] = [
    program!("exceptions", "throw, catch", "exceptions", Work::Run(20_000), 170_000),
    program!("exceptions of wasm", "throw, catch", "exceptions_wasm", Work::Run(20_000), 170_000),
    program!("longjmp", "setjmp, longjmp", "longjmp", Work::Run(20_000), 170_000),
    program!("invoke_ii", "a call in a try block", "invoke", Work::Run(1_000_000), 3_500_000),
    program!("printf to a pipe", "1,000,000 lines", "print", Work::Print, 1_000_000),
];

fn text(error: impl std::fmt::Display) -> String {
    error.to_string()
}

/// Runs it without JavaScript.
pub(super) fn ours(engine: &Engine, program: &'static Program) -> Result<Sampler, String> {
    match program.work {
        Work::Run(count) => {
            let guest = EmscriptenBuilder::new().build().map_err(text)?;
            let (mut store, ours) = set_up(engine, program, guest)?;
            let run = ours.instance().get_typed_func::<u32, i32>(&mut store, "run");
            let run = run.map_err(text)?;
            Ok(Box::new(move || {
                each(count, || run.call(&mut store, count).map(i64::from).map_err(text))
            }))
        }
        Work::Print => {
            let this = std::env::current_exe().map_err(text)?;
            Ok(Box::new(move || {
                printed(Command::new(&this).args([crate::child::PROGRAM, program.name]))
            }))
        }
    }
}

/// Runs it with the JavaScript of `emcc`.
pub(super) fn in_node(program: &'static Program) -> Result<Sampler, String> {
    let javascript = javascript(program)?;
    let mut command = Command::new("node");
    command.arg(NODE_OPTION);
    match program.work {
        Work::Run(count) => {
            let mut process = Process::start(command.arg(DRIVER).arg(javascript))?;
            Ok(Box::new(move || process.ask(&count.to_string())))
        }
        Work::Print => {
            command.arg(javascript);
            Ok(Box::new(move || printed(&mut command)))
        }
    }
}

/// Runs the program of a name with this process' streams, and gives its exit code.
pub(crate) fn run_here(engine: &Engine, name: &str) -> Result<i32, String> {
    let program = PROGRAMS.iter().find(|program| program.name == name);
    let program = program.ok_or("there is no such program")?;
    let guest = EmscriptenBuilder::new().inherit_stdio().arg(name).build().map_err(text)?;
    let (mut store, program) = set_up(engine, program, guest)?;
    program.run(&mut store).map_err(text)
}

fn set_up(
    engine: &Engine,
    program: &Program,
    guest: Emscripten,
) -> Result<(Store<Emscripten>, palisade_emscripten::Program<Emscripten>), String> {
    let module = Module::new(engine, program.module).map_err(text)?;
    let mut linker = Linker::new(engine);
    add_to_linker(&mut linker, &module, |guest| guest).map_err(text)?;
    let mut store = Store::new(engine, guest);
    let ours =
        palisade_emscripten::Program::instantiate(&mut store, &linker, &module, |guest| guest);
    Ok((store, ours.map_err(text)?))
}

/// The JavaScript of a program, which is made if it is not there yet, or if the script was changed.
fn javascript(program: &Program) -> Result<PathBuf, String> {
    let dir = guests::kept().join("emscripten");
    let changed = |path: &Path| fs::metadata(path).and_then(|file| file.modified()).ok();
    let is_right = || {
        let module = fs::read(dir.join(program.file).with_extension("wasm"));
        module.is_ok_and(|module| module == program.module)
    };
    if !is_right() || changed(&dir) < changed(Path::new(SCRIPT)) {
        let quiet = |command: &mut Command| {
            command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status()
        };
        if quiet(Command::new("emcc").arg("--version")).is_err() {
            return Err("needs emcc".to_string());
        }
        match quiet(Command::new(SCRIPT).arg(&dir)) {
            Ok(status) if status.success() => {}
            _ => return Err("emcc fails".to_string()),
        }
        if !is_right() {
            return Err("needs emcc 3.1.6".to_string());
        }
    }
    let file = dir.join(program.file).with_extension("js");
    file.canonicalize().map_err(text)
}

/// What `print.c` prints.
static TEXT: LazyLock<String> = LazyLock::new(|| {
    let mut text = String::new();
    for i in 0..LINES {
        let word = if i % 3 == 0 { "fizz" } else { "-" };
        let _ = writeln!(text, "line {i}: {word}, {i:x}");
    }
    text
});

/// Runs a process that prints the lines into a pipe, from its start to its end.
fn printed(command: &mut Command) -> Result<Sample, String> {
    let expected = TEXT.as_bytes();
    let start = Instant::now();
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .map_err(text)?;
    let result = count_lines(&mut child, expected);
    if result.is_err() {
        // Failure means that it has ended by itself.
        let _ = child.kill();
    }
    let status = child.wait().map_err(text)?;
    let value = start.elapsed().as_nanos() as f64;
    match (result?, status.success()) {
        (result, true) => Ok(Sample { value, result }),
        (_, false) => Err(format!("it ends with {status}")),
    }
}

/// The lines that a child prints, which must be the expected ones.
fn count_lines(child: &mut Child, expected: &[u8]) -> Result<i64, String> {
    let mut output = child.stdout.take().expect("stdout is a pipe");
    let (mut buffer, mut rest, mut lines) = (vec![0; 64 << 10], expected, 0);
    loop {
        let read = match output.read(&mut buffer) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            result => &buffer[..result.map_err(text)?],
        };
        if read.is_empty() {
            break;
        }
        rest = rest.strip_prefix(read).ok_or("it prints something else")?;
        lines += read.iter().filter(|byte| **byte == b'\n').count() as i64;
    }
    if rest.is_empty() { Ok(lines) } else { Err("it prints too little".to_string()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counted(script: &str, expected: &str) -> Result<i64, String> {
        let mut command = Command::new("sh");
        let child = command.args(["-c", script]).stdout(Stdio::piped()).spawn();
        let mut child = child.expect("a shell");
        let lines = count_lines(&mut child, expected.as_bytes());
        child.wait().expect("it was started");
        lines
    }

    #[test]
    fn lines_count_only_if_they_are_right() {
        assert_eq!(counted("echo a; echo b", "a\nb\n"), Ok(2));
        assert!(counted("echo a; echo c", "a\nb\n").unwrap_err().contains("something else"));
        assert!(counted("echo a", "a\nb\n").unwrap_err().contains("too little"));
        assert!(counted("echo a; echo b", "a\n").unwrap_err().contains("something else"));
    }

    #[test]
    fn libraries_compute_what_native_code_does() {
        let engine = Engine::default();
        for program in &PROGRAMS {
            if let Work::Run(_) = program.work {
                let sample = ours(&engine, program).and_then(|mut sampler| sampler());
                assert_eq!(sample.map(|sample| sample.result), Ok(program.expected));
            }
        }
    }
}
