//! V8, as it is in Node.js, if that is installed.

use super::embedding::{CALLS, GROWTHS, INSTANCES, TRAPS, data_module};
use crate::contender::{Contender, Fault, Instantiate, Sampler, Task, Typing};
use crate::guests::{BOUNDARY, RUNTIME, Script};
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

    fn is_process(&self) -> bool {
        true
    }

    fn prepare(&self, task: &Task) -> Result<Sampler, String> {
        let text = |wat: &str| wat::parse_str(wat).map_err(|error| error.to_string());
        match task {
            Task::Run(workload) => match workload.n {
                Some(n) => repeated(&workload.binary(), format!("run {n}")),
                None => repeated(&workload.binary(), "run".to_string()),
            },
            Task::FirstResult(guest) => {
                let line = match guest.script {
                    Script::Run(n) => format!("first {n}"),
                    Script::Sqlite => "sqlite".to_string(),
                    #[cfg(feature = "wasi")]
                    Script::Ruby | Script::RubyVersion => return Err("not tried".to_string()),
                };
                let module = file(&guest.input.bytes()?)?;
                Ok(Box::new(move || start(&module)?.ask(&line)))
            }
            Task::HostToWasm(Typing::Typed) => {
                repeated(&text(BOUNDARY)?, format!("host_to_wasm {CALLS}"))
            }
            Task::WasmToHost(Typing::Typed) => {
                repeated(&text(BOUNDARY)?, format!("wasm_to_host {CALLS}"))
            }
            Task::Instantiate(which) => {
                let module = match which {
                    Instantiate::Small => text(BOUNDARY)?,
                    Instantiate::Data | Instantiate::DataWritten => text(&data_module())?,
                };
                let touch = u8::from(*which == Instantiate::DataWritten);
                repeated(&module, format!("instantiate {INSTANCES} {touch}"))
            }
            Task::Grow => repeated(&text(RUNTIME)?, format!("grow {GROWTHS}")),
            Task::Trap(Fault::Unreachable) => {
                repeated(&text(RUNTIME)?, format!("trap {TRAPS} unreachable"))
            }
            Task::Trap(Fault::Memory) => {
                repeated(&text(RUNTIME)?, format!("trap {TRAPS} out_of_bounds"))
            }
            #[cfg(feature = "emscripten")]
            Task::Emscripten(program) => super::emscripten::in_node(program),
            _ => Err("not offered".to_string()),
        }
    }
}

/// Says the same line again and again to one process.
fn repeated(module: &[u8], line: String) -> Result<Sampler, String> {
    let module = file(module)?;
    let mut process = start(&module)?;
    Ok(Box::new(move || {
        // It may not have read the file yet, which must live as long.
        let _ = &module;
        process.ask(&line)
    }))
}

fn start(module: &NamedTempFile) -> Result<Process, String> {
    Process::start(Command::new("node").arg(DRIVER).arg(module.path()))
}

fn file(bytes: &[u8]) -> Result<NamedTempFile, String> {
    let mut file = NamedTempFile::new().map_err(|error| error.to_string())?;
    file.write_all(bytes).map_err(|error| error.to_string())?;
    Ok(file)
}
