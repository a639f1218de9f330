//! Tasks, done with wasmtime's API, which Palisade has too: one text serves both.

/// Expands to `prepare(engine, task)` for the crate that is named.
macro_rules! embedding {
    ($api:ident) => {
        mod tasks {
            use crate::contender::{Sampler, Task};
            use crate::contenders::embedding::timed;
            use crate::corpus::Workload;
            use $api::{Engine, Instance, Module, Store};

            fn text(error: impl std::fmt::Display) -> String {
                error.to_string()
            }

            pub(super) fn prepare(engine: &Engine, task: &Task) -> Result<Sampler, String> {
                match task {
                    Task::Run(workload) => run(engine, workload),
                }
            }

            fn run(engine: &Engine, workload: &Workload) -> Result<Sampler, String> {
                let module = Module::new(engine, workload.binary()).map_err(text)?;
                let mut store = Store::new(engine, ());
                let instance = Instance::new(&mut store, &module, &[]).map_err(text)?;
                match workload.n {
                    Some(n) => {
                        let run = instance.get_typed_func::<i32, i64>(&mut store, "run");
                        let run = run.map_err(text)?;
                        Ok(Box::new(move || timed(|| run.call(&mut store, n).map_err(text))))
                    }
                    None => {
                        let run = instance.get_typed_func::<(), i64>(&mut store, "run");
                        let run = run.map_err(text)?;
                        Ok(Box::new(move || timed(|| run.call(&mut store, ()).map_err(text))))
                    }
                }
            }
        }
    };
}

pub(super) use embedding;

use crate::contender::Sample;
use std::time::Instant;

/// A sample in nanoseconds.
pub(super) fn timed(work: impl FnOnce() -> Result<i64, String>) -> Result<Sample, String> {
    let start = Instant::now();
    let result = work()?;
    Ok(Sample { value: start.elapsed().as_nanos() as f64, result })
}
