//! The harness as its own child process, for what has to begin in a fresh one.
//!
//! `palisade-bench child CONTENDER MEASURE` prepares the measure, takes one sample, and prints its two numbers.

use crate::LoadModule;
use crate::contender::{Contender, Sample, Sampler};
use crate::contenders;
use crate::measures::{self, Measure};
use crate::process;
use std::process::{Command, ExitCode, Stdio};

const CHILD: &str = "child";

/// `palisade-bench emscripten-program NAME` runs a program of that section, with this process' streams.
#[cfg(feature = "emscripten")]
pub(crate) const PROGRAM: &str = "emscripten-program";

/// What a child does; none in a process that is not one.
pub(crate) fn run(load: LoadModule) -> Option<ExitCode> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    #[cfg(feature = "emscripten")]
    if let [first, name] = arguments.as_slice()
        && first == PROGRAM
    {
        return Some(match contenders::run_emscripten(name) {
            Ok(code) => ExitCode::from(u8::try_from(code).unwrap_or(u8::MAX)),
            Err(message) => {
                eprintln!("error: {message}");
                ExitCode::FAILURE
            }
        });
    }
    let [first, contender, name] = arguments.as_slice() else { return None };
    if first != CHILD {
        return None;
    }
    match sample(contender, name, load) {
        Ok(sample) => println!("{} {}", sample.value, sample.result),
        Err(message) => println!("{}", message.replace('\n', " ")),
    }
    Some(ExitCode::SUCCESS)
}

fn sample(contender: &str, name: &str, load: LoadModule) -> Result<Sample, String> {
    let contender = contenders::named(contender, load).ok_or("there is no such contender")?;
    let measures = measures::all();
    let measure = measures.iter().find(|measure| measure.full_name() == name);
    let measure = measure.ok_or("there is no such measure")?;
    contender.prepare(&measure.task)?()
}

/// Takes each sample in a child of its own.
pub(crate) fn sampler(contender: &dyn Contender, measure: &Measure) -> Result<Sampler, String> {
    let program = std::env::current_exe().map_err(|error| error.to_string())?;
    let (contender, name) = (contender.name(), measure.full_name());
    Ok(Box::new(move || {
        let output = Command::new(&program)
            .args([CHILD, contender, &name])
            .stdin(Stdio::null())
            .stderr(Stdio::null())
            .output()
            .map_err(|error| error.to_string())?;
        process::parse(&String::from_utf8_lossy(&output.stdout))
    }))
}
