//! Calls: those that take the place of their caller, those through typed references, and the types that they check.
//!
//! Guests run with and without optimisation and must do the same.

#![forbid(unsafe_code)]

mod inline;
mod jumps;
mod owners;
mod references;
mod switches;
mod tail;
mod tail_host;
mod types;
mod types_across;

use palisade::{
    AsContextMut, Config, Engine, Error, Extern, Func, Instance, Module, OptLevel, Result, Store,
    Trap, Val,
};

/// Engines with and without optimisation, which check their intermediate code.
fn engines() -> [Engine; 2] {
    [OptLevel::None, OptLevel::Speed].map(|level| {
        let mut config = Config::new();
        config.cranelift_opt_level(level).cranelift_debug_verifier(true);
        Engine::new(&config).expect("an engine")
    })
}

/// Compiles `text`.
#[track_caller]
fn module(engine: &Engine, text: &str) -> Module {
    Module::new(engine, text).unwrap_or_else(|error| panic!("{text}: {error:?}"))
}

/// An instance of `text` in `store`.
#[track_caller]
fn instantiate<T: 'static>(store: &mut Store<T>, text: &str, imports: &[Extern]) -> Instance {
    let module = module(store.engine(), text);
    Instance::new(store, &module, imports).unwrap_or_else(|error| panic!("{text}: {error:?}"))
}

/// An export.
#[track_caller]
fn export<T: 'static>(store: &mut Store<T>, instance: Instance, name: &str) -> Extern {
    instance.get_export(store, name).unwrap_or_else(|| panic!("{name} is missing"))
}

/// Calls a function; all its results.
fn call(mut store: impl AsContextMut, func: Func, params: &[Val]) -> Result<Vec<Val>> {
    let ty = func.ty(&store);
    let mut results: Vec<Val> = ty.results().map(|_| Val::I32(0)).collect();
    func.call(&mut store, params, &mut results)?;
    Ok(results)
}

/// Calls an export from `i32`s to at most one `i32`; the trap if it traps.
#[track_caller]
fn run<T: 'static>(
    store: &mut Store<T>,
    instance: Instance,
    name: &str,
    params: &[i32],
) -> Result<i32, Trap> {
    let params: Vec<Val> = params.iter().map(|value| Val::I32(*value)).collect();
    let func = instance.get_func(&mut *store, name).unwrap_or_else(|| panic!("{name} is missing"));
    match call(store, func, &params) {
        Ok(values) => Ok(values.first().map_or(0, Val::unwrap_i32)),
        Err(error) => Err(trap(&error)),
    }
}

/// The trap that an error is.
#[track_caller]
fn trap(error: &Error) -> Trap {
    *error.downcast_ref::<Trap>().unwrap_or_else(|| panic!("not a trap: {error:?}"))
}

/// Calls exports of `text`, a module without imports, on all engines, each twice.
#[track_caller]
fn check(text: &str, cases: &[(&str, &[i32], Result<i32, Trap>)]) {
    for engine in engines() {
        let mut store = Store::new(&engine, ());
        let instance = instantiate(&mut store, text, &[]);
        for (name, params, expected) in cases.iter().chain(cases) {
            assert_eq!(run(&mut store, instance, name, params), *expected, "{name} {params:?}");
        }
    }
}
