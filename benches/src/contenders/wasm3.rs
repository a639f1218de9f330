//! wasm3, an interpreter in C.

use super::embedding::timed;
use crate::contender::{Contender, Sampler, Task};
use wasm3::{Environment, Module, Runtime};

/// Slots of its stack, in bytes.
const STACK: u32 = 8 << 20;

pub(super) struct Wasm3;

fn load(bytes: Vec<u8>) -> Result<Runtime, String> {
    let environment = Environment::new().map_err(text)?;
    let runtime = environment.create_runtime(STACK).map_err(text)?;
    let module = Module::parse(&environment, bytes).map_err(text)?;
    runtime.load_module(module).map_err(text)?;
    Ok(runtime)
}

fn text(error: wasm3::error::Error) -> String {
    error.to_string()
}

impl Contender for Wasm3 {
    fn name(&self) -> &'static str {
        "wasm3"
    }

    fn version(&self) -> String {
        "of the crate wasm3 0.3.1".to_string()
    }

    fn prepare(&self, task: &Task) -> Result<Sampler, String> {
        match task {
            Task::Run(workload) => {
                let runtime = load(workload.binary())?;
                let n = workload.n;
                // Looked up each time, as what is found borrows the runtime; that takes no time next to the run.
                Ok(Box::new(move || {
                    timed(|| match n {
                        Some(n) => {
                            let run = runtime.find_function::<i32, i64>("run");
                            run.and_then(|run| run.call(n)).map_err(text)
                        }
                        None => {
                            let run = runtime.find_function::<(), i64>("run");
                            run.and_then(|run| run.call()).map_err(text)
                        }
                    })
                }))
            }
            _ => Err("not tried".to_string()),
        }
    }
}
