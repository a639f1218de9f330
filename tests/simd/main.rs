//! Vectors and wide arithmetic where the specification's scripts do not look: at the ends of memories, on the way
//! through the host and through control flow, in the settings of an engine.

#![forbid(unsafe_code)]

mod crossing;
mod flow;
mod memory;
mod settings;

use palisade::{Config, Engine, Instance, Module, Store, V128, Val};

/// An engine with `setting`, whose compiler checks itself.
fn engine(setting: impl FnOnce(&mut Config) -> &mut Config) -> Engine {
    let mut config = Config::new();
    // Emulators take long to reserve address space, and much memory.
    config.memory_reservation(1 << 32);
    setting(config.cranelift_debug_verifier(true).parallel_compilation(false));
    Engine::new(&config).unwrap()
}

/// An instance, without imports, of a module given as text.
#[track_caller]
fn instance(engine: &Engine, text: &str) -> (Store<()>, Instance) {
    let module = Module::new(engine, text).unwrap();
    let mut store = Store::new(engine, ());
    let instance = Instance::new(&mut store, &module, &[]).unwrap();
    (store, instance)
}

/// Calls the export `name` dynamically and gives its results.
#[track_caller]
fn call(store: &mut Store<()>, instance: Instance, name: &str, params: &[Val]) -> Vec<Val> {
    let func = instance.get_func(&mut *store, name).unwrap();
    let mut results = vec![Val::I32(0); func.ty(&*store).results().len()];
    func.call(store, params, &mut results).unwrap();
    results
}

fn v128(bits: u128) -> V128 {
    V128::from(bits)
}

fn i32x4(lanes: [i32; 4]) -> V128 {
    v128((0..).zip(lanes).map(|(i, lane)| u128::from(lane as u32) << (32 * i)).sum())
}

/// A vector in which all bytes differ, and differ from those of another seed.
fn pattern(seed: u8) -> V128 {
    let byte = |i: usize| seed.wrapping_mul(31) ^ (i as u8).wrapping_mul(17);
    v128(u128::from_le_bytes(std::array::from_fn(byte)))
}
