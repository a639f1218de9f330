//! Wasmi, an interpreter.

use super::embedding::timed;
use crate::contender::{Contender, Sampler, Task};
use crate::guests::Script;
use wasmi::{Config, Engine, Linker, Module, Store, TypedFunc, WasmParams};

pub(super) struct Wasmi;

fn engine() -> Engine {
    let mut config = Config::default();
    config.wasm_wide_arithmetic(true);
    // As deep as the compilers' stacks, about.
    config.set_max_recursion_depth(100_000);
    config.set_max_stack_height(64 << 20);
    Engine::new(&config)
}

/// The function `run` of a new instance.
fn load<Params: WasmParams>(
    engine: &Engine,
    bytes: &[u8],
) -> Result<(Store<()>, TypedFunc<Params, i64>), String> {
    let text = |error: wasmi::Error| error.to_string();
    let module = Module::new(engine, bytes).map_err(text)?;
    let mut store = Store::new(engine, ());
    let linker = Linker::new(engine);
    let instance = linker.instantiate_and_start(&mut store, &module).map_err(text)?;
    let run = instance.get_typed_func(&store, "run").map_err(text)?;
    Ok((store, run))
}

impl Contender for Wasmi {
    fn name(&self) -> &'static str {
        "wasmi"
    }

    fn version(&self) -> String {
        "2".to_string()
    }

    fn prepare(&self, task: &Task) -> Result<Sampler, String> {
        let text = |error: wasmi::Error| error.to_string();
        match task {
            Task::Run(workload) => match workload.n {
                Some(n) => {
                    let (mut store, run) = load::<i32>(&engine(), &workload.binary())?;
                    Ok(Box::new(move || timed(|| run.call(&mut store, n).map_err(text))))
                }
                None => {
                    let (mut store, run) = load::<()>(&engine(), &workload.binary())?;
                    Ok(Box::new(move || timed(|| run.call(&mut store, ()).map_err(text))))
                }
            },
            Task::FirstResult(guest) => match guest.script {
                Script::Run(n) => {
                    let bytes = guest.input.bytes()?;
                    Ok(Box::new(move || {
                        timed(|| {
                            let (mut store, run) = load::<i32>(&engine(), &bytes)?;
                            run.call(&mut store, n).map_err(text)
                        })
                    }))
                }
                _ => Err("not tried".to_string()),
            },
            _ => Err("not tried".to_string()),
        }
    }
}
