//! Wasmer with its build of Cranelift.

use super::embedding::{CALLS, each, timed};
use crate::contender::{Contender, Sampler, Task, Typing};
use crate::guests::{BOUNDARY, Guest, Script};
use wasmer::sys::{Cranelift, EngineBuilder};
use wasmer::{Engine, Function, Imports, Instance, Module, Store, imports};

pub(super) struct Wasmer;

fn engine() -> Engine {
    EngineBuilder::new(Cranelift::default()).into()
}

fn text(error: impl std::fmt::Display) -> String {
    error.to_string()
}

/// An instance and its store.
fn load(engine: Engine, bytes: &[u8]) -> Result<(Store, Instance), String> {
    let mut store = Store::new(engine);
    let module = Module::new(&store, bytes).map_err(text)?;
    let instance = Instance::new(&mut store, &module, &Imports::new()).map_err(text)?;
    Ok((store, instance))
}

/// The boundary module, whose import is a closure.
fn boundary() -> Result<(Store, Instance), String> {
    let mut store = Store::new(engine());
    let module = wat::parse_str(BOUNDARY).map_err(text)?;
    let module = Module::new(&store, module).map_err(text)?;
    let add = Function::new_typed(&mut store, |a: i32, b: i32| a.wrapping_add(b));
    let imports = imports! { "host" => { "add" => add } };
    let instance = Instance::new(&mut store, &module, &imports).map_err(text)?;
    Ok((store, instance))
}

fn first_result(guest: &Guest, bytes: &[u8]) -> Result<i64, String> {
    let Script::Run(n) = guest.script else { return Err("not tried".to_string()) };
    let (mut store, instance) = load(engine(), bytes)?;
    let run = instance.exports.get_typed_function::<i32, i64>(&store, "run").map_err(text)?;
    run.call(&mut store, n).map_err(text)
}

impl Contender for Wasmer {
    fn name(&self) -> &'static str {
        "wasmer"
    }

    fn version(&self) -> String {
        "7.3.0 with Cranelift".to_string()
    }

    fn prepare(&self, task: &Task) -> Result<Sampler, String> {
        match task {
            Task::Run(workload) => {
                let (mut store, instance) = load(engine(), &workload.binary())?;
                match workload.n {
                    Some(n) => {
                        let run = instance.exports.get_typed_function::<i32, i64>(&store, "run");
                        let run = run.map_err(text)?;
                        Ok(Box::new(move || timed(|| run.call(&mut store, n).map_err(text))))
                    }
                    None => {
                        let run = instance.exports.get_typed_function::<(), i64>(&store, "run");
                        let run = run.map_err(text)?;
                        Ok(Box::new(move || timed(|| run.call(&mut store).map_err(text))))
                    }
                }
            }
            Task::FirstResult(guest) => {
                let (guest, bytes) = (guest.clone(), guest.input.bytes()?);
                Ok(Box::new(move || timed(|| first_result(&guest, &bytes))))
            }
            Task::HostToWasm(Typing::Typed) => {
                let (mut store, instance) = boundary()?;
                let callee =
                    instance.exports.get_typed_function::<(i32, i32), i32>(&store, "callee");
                let callee = callee.map_err(text)?;
                Ok(Box::new(move || {
                    each(CALLS, || {
                        let mut sum = 0;
                        for i in 0..CALLS {
                            sum = callee.call(&mut store, sum, i as i32).map_err(text)?;
                        }
                        Ok(i64::from(sum))
                    })
                }))
            }
            Task::WasmToHost(Typing::Typed) => {
                let (mut store, instance) = boundary()?;
                let run = instance.exports.get_typed_function::<i32, i32>(&store, "call_host");
                let run = run.map_err(text)?;
                Ok(Box::new(move || {
                    each(CALLS, || run.call(&mut store, CALLS as i32).map(i64::from).map_err(text))
                }))
            }
            _ => Err("not tried".to_string()),
        }
    }
}
