//! Strings, arrays, records and callbacks between a host and guests of several toolchains.

#![forbid(unsafe_code)]

mod alloc;
mod assemblyscript;
mod bindings;
mod callbacks;
mod emscripten;
mod memory64;
mod objects;
mod random;
mod reactor;
mod records;
mod slices;
mod text;

use palisade::{Caller, Engine, Extern, Instance, Linker, Module, Result, Store, TypedFunc};
use palisade_guest::Guest;
use std::fmt::Debug;
use std::path::PathBuf;

/// A guest with the store that owns it.
struct Host<T: 'static = ()> {
    store: Store<T>,
    guest: Guest,
}

impl Host {
    /// A guest from text, with these imports.
    #[track_caller]
    fn with_imports(store: Store<()>, text: &str, imports: &[Extern]) -> Host {
        let mut store = store;
        let instance = instance(&mut store, text, imports);
        let guest = Guest::new(&mut store, instance).unwrap();
        Host { store, guest }
    }

    /// A guest from text.
    #[track_caller]
    fn new(text: &str) -> Host {
        Host::with_imports(Store::new(&Engine::default(), ()), text, &[])
    }
}

impl<T> Host<T> {
    /// Calls a function of the guest as it is.
    #[track_caller]
    fn call<P: palisade::WasmParams, R: palisade::WasmResults>(
        &mut self,
        name: &str,
        params: P,
    ) -> R {
        let func: TypedFunc<P, R> =
            self.guest.instance().get_typed_func(&mut self.store, name).unwrap();
        func.call(&mut self.store, params).unwrap()
    }
}

/// Instantiates a module given as text.
#[track_caller]
fn instance(store: &mut Store<()>, text: &str, imports: &[Extern]) -> Instance {
    let module = Module::new(store.engine(), text).unwrap();
    Instance::new(store, &module, imports).unwrap_or_else(|error| panic!("{text}: {error:?}"))
}

/// The bytes of a guest program of the tests.
fn wasm(path: &str) -> Vec<u8> {
    let file = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("guests").join(path);
    std::fs::read(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()))
}

/// What the libraries that Emscripten made import, as far as they need it here.
fn emscripten(engine: &Engine) -> Linker<i32> {
    let mut linker = Linker::new(engine);
    linker.func_wrap("env", "emscripten_resize_heap", |_: u32| 0).unwrap();
    let abort = || -> Result<()> { Err(palisade::Error::msg("abort")) };
    linker.func_wrap("env", "abort", abort).unwrap();
    let set = |mut caller: Caller<'_, i32>, high: i32| *caller.data_mut() = high;
    linker.func_wrap("env", "setTempRet0", set).unwrap();
    linker
        .func_wrap(
            "env",
            "emscripten_memcpy_big",
            |mut caller: Caller<'_, i32>, to: u32, from: u32, len: u32| -> Result<u32> {
                let memory = caller.get_export("memory").and_then(Extern::into_memory).unwrap();
                let mut bytes = vec![0; len as usize];
                memory.read(&caller, from as usize, &mut bytes)?;
                memory.write(&mut caller, to as usize, &bytes)?;
                Ok(to)
            },
        )
        .unwrap();
    linker
}

/// A library that Emscripten made; its data is the high half of the last 64-bit result.
#[track_caller]
fn library(name: &str) -> Host<i32> {
    let engine = Engine::default();
    let module = Module::new(&engine, wasm(&format!("emscripten-lib/{name}.wasm"))).unwrap();
    let mut store = Store::new(&engine, 0);
    let instance = emscripten(&engine).instantiate(&mut store, &module).unwrap();
    let guest = Guest::new(&mut store, instance).unwrap();
    let mut host = Host { store, guest };
    host.call::<(), ()>("__wasm_call_ctors", ());
    host
}

/// Asserts the whole chain of messages of an error.
#[track_caller]
fn assert_error<T: Debug, E: Into<palisade::Error>>(result: Result<T, E>, expected: &str) {
    assert_eq!(format!("{:#}", result.unwrap_err().into()), expected);
}
