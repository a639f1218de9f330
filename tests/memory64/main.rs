//! Memories and tables with 64-bit indices, several memories in a module, and pages of one byte.

#![forbid(unsafe_code)]

mod bounds;
mod growth;
mod reservations;
mod several;
mod tables;
mod types;

use palisade::{
    Config, Engine, Extern, Instance, Module, OptLevel, Result, Store, Trap, WasmParams,
    WasmResults,
};
use std::fmt::Debug;

/// Bytes in a usual page.
const PAGE: u64 = 65536;

/// What these tests use, with the compiler's checks of its own work.
fn config() -> Config {
    let mut config = Config::new();
    config.wasm_custom_page_sizes(true).cranelift_debug_verifier(true);
    config
}

fn store() -> Store<()> {
    Store::new(&Engine::new(&config()).unwrap(), ())
}

/// Stores of engines that optimise and that do not.
fn stores() -> impl Iterator<Item = Store<()>> {
    [OptLevel::Speed, OptLevel::None].into_iter().map(|level| {
        let engine = Engine::new(config().cranelift_opt_level(level)).unwrap();
        Store::new(&engine, ())
    })
}

fn instantiate<T>(store: &mut Store<T>, text: &str, imports: &[Extern]) -> Result<Instance> {
    let module = Module::new(store.engine(), text)?;
    Instance::new(store, &module, imports)
}

#[track_caller]
fn instance<T>(store: &mut Store<T>, text: &str, imports: &[Extern]) -> Instance {
    instantiate(store, text, imports).unwrap_or_else(|error| panic!("{text}: {error:?}"))
}

/// Calls an exported function.
#[track_caller]
fn call<T, Params: WasmParams, Results: WasmResults>(
    store: &mut Store<T>,
    instance: Instance,
    name: &str,
    params: Params,
) -> Result<Results> {
    let func = instance.get_typed_func::<Params, Results>(&mut *store, name).unwrap();
    func.call(store, params)
}

#[track_caller]
fn assert_trap<T: Debug>(result: Result<T>, expected: Trap) {
    let error = result.expect_err("it should trap");
    assert_eq!(error.downcast_ref::<Trap>(), Some(&expected), "{error:?}");
}

/// Asserts the whole chain of messages of an error.
#[track_caller]
fn assert_error<T: Debug>(result: Result<T>, expected: &str) {
    assert_eq!(format!("{:#}", result.unwrap_err()), expected);
}
