//! Micro-benchmarks of Palisade alone, for work on it: `cargo bench -p palisade-bench --bench micro [FILTER]`.

#![forbid(unsafe_code)]

mod calls;
mod compile;
mod instances;
mod traps;

use palisade::{Engine, Instance, Linker, Module, Store};

fn main() {
    divan::main();
}

/// A page of memory, functions in both directions.
const BOUNDARY: &str = include_str!("../kernels/boundary.wat");

/// A memory to grow, and traps.
const RUNTIME: &str = include_str!("../kernels/runtime.wat");

fn module(engine: &Engine, text: &str) -> Module {
    Module::new(engine, text).expect("valid")
}

/// With all that these modules import.
fn linker(engine: &Engine) -> Linker<()> {
    let mut linker = Linker::new(engine);
    linker.func_wrap("host", "add", |a: i32, b: i32| a.wrapping_add(b)).expect("defined once");
    linker
}

/// An instance and its store.
fn instance(text: &str) -> (Store<()>, Instance) {
    let engine = Engine::default();
    let mut store = Store::new(&engine, ());
    let module = module(&engine, text);
    let instance = linker(&engine).instantiate(&mut store, &module).expect("it links");
    (store, instance)
}
