//! Palisade.

use super::embedding::embedding;
use crate::contender::{Contender, Sampler, Task, Threads};
use palisade::{Config, Engine, Module};
use std::rc::Rc;

embedding!(palisade);
#[cfg(feature = "wasi")]
super::ruby::ruby!(
    palisade,
    palisade_wasi::WasiCtx,
    |linker| { palisade_wasi::add_to_linker(linker, |host: &mut Host| &mut host.wasi) },
    palisade_wasi::WasiCtxBuilder::new().arg("ruby").build()
);

pub(super) struct Palisade;

fn engine(threads: Threads) -> Result<Engine, String> {
    let mut config = Config::new();
    config.wasm_wide_arithmetic(true);
    config.parallel_compilation(threads == Threads::All);
    Engine::new(&config).map_err(|error| error.to_string())
}

impl Contender for Palisade {
    fn name(&self) -> &'static str {
        "palisade"
    }

    fn version(&self) -> String {
        env!("CARGO_PKG_VERSION").to_string()
    }

    fn prepare(&self, task: &Task) -> Result<Sampler, String> {
        match task {
            // Once there is a code cache on disk, what wasmtime.rs does for this task belongs here, too.
            Task::FirstResultWarm(_) => Err("has no cache".to_string()),
            #[cfg(feature = "wasi")]
            Task::Wasi(files, work) => Ok(super::wasi::ours(files, *work)),
            _ => {
                let make: tasks::MakeEngine = Rc::new(engine);
                tasks::prepare(&make, Module::code_size, task)
            }
        }
    }
}
