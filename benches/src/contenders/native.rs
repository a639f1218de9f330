//! The same C, compiled for this machine by `cc -O2`: the limit.

use crate::contender::{Contender, Sampler, Task};
use crate::corpus::{Kind, Workload};
use crate::process::Process;
use std::path::PathBuf;
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};
use tempfile::TempDir;

/// Calls a program as it is told on standard input.
const DRIVER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/drivers/native.c");

pub(super) struct Native {
    version: String,
    /// Of the executables, which go when this drops.
    dir: TempDir,
    made: AtomicU32,
}

impl Native {
    /// None if there is no C compiler.
    pub(super) fn find() -> Option<Native> {
        let output = Command::new("cc").arg("--version").output().ok()?;
        let version = String::from_utf8_lossy(&output.stdout).lines().next()?.to_string();
        let dir = tempfile::tempdir().ok()?;
        Some(Native { version, dir, made: AtomicU32::new(0) })
    }

    fn build(&self, workload: &Workload) -> Result<PathBuf, String> {
        let number = self.made.fetch_add(1, Ordering::Relaxed);
        let file = |extension| self.dir.path().join(format!("{number}{extension}"));
        let (driver, program, executable) = (file(".driver.o"), file(".o"), file(""));
        let source = workload.source().ok_or("there is no C of it")?;
        let cxx = source.extension().is_some_and(|extension| extension == "cpp");
        let compiler = if cxx { "c++" } else { "cc" };
        compile(Command::new("cc").args(["-O2", "-c", DRIVER, "-o"]).arg(&driver))?;
        let mut command = Command::new(compiler);
        compile(command.args(["-O2", "-w", "-c"]).arg(source).arg("-o").arg(&program))?;
        compile(
            Command::new(compiler).args([driver, program]).arg("-lm").arg("-o").arg(&executable),
        )?;
        Ok(executable)
    }
}

fn compile(command: &mut Command) -> Result<(), String> {
    let output = command.output().map_err(|error| error.to_string())?;
    match output.status.success() {
        true => Ok(()),
        false => Err(format!("cc failed: {}", String::from_utf8_lossy(&output.stderr).trim())),
    }
}

impl Contender for Native {
    fn name(&self) -> &'static str {
        "native"
    }

    fn version(&self) -> String {
        self.version.clone()
    }

    fn is_process(&self) -> bool {
        true
    }

    fn prepare(&self, task: &Task) -> Result<Sampler, String> {
        match task {
            Task::Run(workload) if workload.kind == Kind::Program => {
                let mut process = Process::start(&mut Command::new(self.build(workload)?))?;
                let line = format!("run {}", workload.n.expect("programs have a number"));
                Ok(Box::new(move || process.ask(&line)))
            }
            _ => Err("not native".to_string()),
        }
    }
}
