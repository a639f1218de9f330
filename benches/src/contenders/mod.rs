//! Who takes part.

mod embedding;
#[cfg(feature = "emscripten")]
pub(crate) mod emscripten;
mod native;
mod node;
mod palisade;
#[cfg(feature = "wasi")]
mod ruby;
mod sqlite;
#[cfg(feature = "interpreters")]
mod tinywasm;
#[cfg(feature = "wasi")]
pub(crate) mod wasi;
#[cfg(feature = "wasm3")]
mod wasm3;
#[cfg(feature = "wasmer")]
mod wasmer;
#[cfg(feature = "interpreters")]
mod wasmi;
mod wasmtime;

#[cfg(feature = "emscripten")]
pub(crate) use palisade::run_emscripten;

use crate::LoadModule;
use crate::contender::Contender;
use crate::options::Options;

/// All that this build and this machine have, in the order of reports.
fn all(load: LoadModule) -> Vec<Box<dyn Contender>> {
    let mut all: Vec<Box<dyn Contender>> =
        vec![Box::new(palisade::Palisade), Box::new(wasmtime::Wasmtime::cranelift(load))];
    all.extend(node::Node::find().map(|node| Box::new(node) as Box<dyn Contender>));
    all.extend(native::Native::find().map(|native| Box::new(native) as Box<dyn Contender>));
    #[cfg(feature = "wasmer")]
    all.push(Box::new(wasmer::Wasmer));
    all.push(Box::new(wasmtime::Wasmtime::winch(load)));
    #[cfg(feature = "interpreters")]
    {
        all.push(Box::new(wasmtime::Wasmtime::pulley(load)));
        all.push(Box::new(wasmi::Wasmi));
        all.push(Box::new(tinywasm::TinyWasm));
    }
    #[cfg(feature = "wasm3")]
    all.push(Box::new(wasm3::Wasm3));
    all
}

/// Those that take part.
pub(crate) fn chosen(
    options: &Options,
    load: LoadModule,
) -> Result<Vec<Box<dyn Contender>>, String> {
    let mut all = all(load);
    let unknown = |name: &&String| all.iter().all(|one| one.name() != **name);
    if let Some(unknown) = options.contenders.iter().find(unknown) {
        let known: Vec<_> = all.iter().map(|one| one.name()).collect();
        return Err(format!("there is no contender {unknown} here, only {}", known.join(", ")));
    }
    all.retain(|one| options.includes(one.name()));
    Ok(all)
}

/// The one with a name.
pub(crate) fn named(name: &str, load: LoadModule) -> Option<Box<dyn Contender>> {
    all(load).into_iter().find(|one| one.name() == name)
}
