//! TinyWasm, an interpreter in safe Rust.

use super::embedding::timed;
use crate::contender::{Contender, Sampler, Task};
use crate::guests::Script;
use tinywasm::{ModuleInstance, Store};

pub(super) struct TinyWasm;

fn load(bytes: &[u8]) -> Result<(Store, ModuleInstance), String> {
    let module = tinywasm::parse_bytes(bytes).map_err(text)?;
    let mut store = Store::default();
    let instance = ModuleInstance::instantiate(&mut store, &module, None).map_err(text)?;
    Ok((store, instance))
}

fn text(error: impl std::fmt::Display) -> String {
    error.to_string()
}

impl Contender for TinyWasm {
    fn name(&self) -> &'static str {
        "tinywasm"
    }

    fn version(&self) -> String {
        "0.10".to_string()
    }

    fn prepare(&self, task: &Task) -> Result<Sampler, String> {
        match task {
            Task::Run(workload) => {
                let (mut store, instance) = load(&workload.binary())?;
                match workload.n {
                    Some(n) => {
                        let run = instance.func::<i32, i64>(&store, "run").map_err(text)?;
                        Ok(Box::new(move || timed(|| run.call(&mut store, n).map_err(text))))
                    }
                    None => {
                        let run = instance.func::<(), i64>(&store, "run").map_err(text)?;
                        Ok(Box::new(move || timed(|| run.call(&mut store, ()).map_err(text))))
                    }
                }
            }
            Task::FirstResult(guest) => match guest.script {
                Script::Run(n) => {
                    let bytes = guest.input.bytes()?;
                    Ok(Box::new(move || {
                        timed(|| {
                            let (mut store, instance) = load(&bytes)?;
                            let run = instance.func::<i32, i64>(&store, "run");
                            run.and_then(|run| run.call(&mut store, n)).map_err(text)
                        })
                    }))
                }
                _ => Err("not tried".to_string()),
            },
            _ => Err("not tried".to_string()),
        }
    }
}
