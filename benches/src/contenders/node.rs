//! V8, as it is in Node.js, if that is installed.

use crate::contender::{Contender, Sampler, Task};
use crate::process::Process;
use std::io::Write;
use std::process::Command;
use tempfile::NamedTempFile;

/// Runs modules as it is told on standard input.
const DRIVER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/drivers/node.mjs");

pub(super) struct Node {
    version: String,
}

impl Node {
    pub(super) fn find() -> Option<Node> {
        let output = Command::new("node")
            .args(["-p", "`${process.versions.v8} (node ${process.versions.node})`"])
            .output()
            .ok()?;
        let version = String::from_utf8(output.stdout).ok()?.trim().to_string();
        Some(Node { version })
    }
}

impl Contender for Node {
    fn name(&self) -> &'static str {
        "v8"
    }

    fn version(&self) -> String {
        self.version.clone()
    }

    /// Its code gets faster while it runs.
    fn warm_up(&self) -> usize {
        6
    }

    fn prepare(&self, task: &Task) -> Result<Sampler, String> {
        match task {
            Task::Run(workload) => {
                let module = file(&workload.binary())?;
                let mut process =
                    Process::start(Command::new("node").arg(DRIVER).arg(module.path()))?;
                let line = match workload.n {
                    Some(n) => format!("run {n}"),
                    None => "run".to_string(),
                };
                // The process reads the file at its first command at the latest, so it must live as long.
                Ok(Box::new(move || {
                    let _ = &module;
                    process.ask(&line)
                }))
            }
        }
    }
}

fn file(bytes: &[u8]) -> Result<NamedTempFile, String> {
    let mut file = NamedTempFile::new().map_err(|error| error.to_string())?;
    file.write_all(bytes).map_err(|error| error.to_string())?;
    Ok(file)
}
