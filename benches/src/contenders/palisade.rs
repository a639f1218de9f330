//! Palisade.

use super::embedding::{embedding, interrupted, timed};
use crate::contender::{Contender, Sampler, Task, Threads};
use crate::guests::{self, Guest};
use palisade::{Cache, CacheConfig, Compilation, Config, Engine, Instance, Module, Store};
use std::fs;
use std::path::Path;
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

fn config() -> Config {
    let mut config = Config::new();
    config.wasm_wide_arithmetic(true);
    config
}

fn engine(threads: Threads) -> Result<Engine, String> {
    let mut config = config();
    config.parallel_compilation(threads == Threads::All);
    Engine::new(&config).map_err(|error| error.to_string())
}

/// As `palisade run` does, for programs that run once.
fn engine_on_demand(cache: Option<Cache>) -> Result<Engine, String> {
    let mut config = config();
    config.compilation(Compilation::LazyWithBackground).cache(cache);
    Engine::new(&config).map_err(|error| error.to_string())
}

/// With a cache that an earlier process filled. The first one of all finds it empty, and fills it.
fn first_result_warm(guest: &Rc<Guest>) -> Result<Sampler, String> {
    let mut settings = CacheConfig::new();
    settings.with_directory(guests::kept().join(format!("palisade-{}", guest.input.name)));
    let cache = Cache::new(settings).map_err(|error| error.to_string())?;
    let guest = guest.clone();
    let run = {
        let cache = cache.clone();
        move || {
            let engine = engine_on_demand(Some(cache.clone()))?;
            let module = match guest.input.file()? {
                Some(file) => Module::from_file(&engine, file),
                None => Module::new(&engine, guest.input.bytes()?),
            };
            let module = module.map_err(|error| error.to_string())?;
            tasks::first_result(&engine, &module, &guest)
        }
    };
    // Entries are for the program that made them.
    let changed = |path: &Path| fs::metadata(path).and_then(|file| file.modified()).ok();
    let program = std::env::current_exe().map_err(|error| error.to_string())?;
    let outdated = changed(cache.directory()) < changed(&program);
    if outdated || cache.stats().is_ok_and(|stats| stats.entries == 0) {
        cache.clean().map_err(|error| error.to_string())?;
        run()?;
    }
    Ok(Box::new(move || timed(&run)))
}

/// Runs a program of Emscripten's in this process, as `palisade run` does.
#[cfg(feature = "emscripten")]
pub(crate) fn run_emscripten(name: &str) -> Result<i32, String> {
    super::emscripten::run_here(&engine_on_demand(None)?, name)
}

/// Ends a loop by a signal, which costs loops nothing.
fn interrupt() -> Result<Sampler, String> {
    let engine = engine(Threads::All)?;
    let module = Module::new(&engine, guests::RUNTIME).map_err(|error| error.to_string())?;
    Ok(Box::new(move || {
        let text = |error: palisade::Error| error.to_string();
        let mut store = Store::new(&engine, ());
        let instance = Instance::new(&mut store, &module, &[]).map_err(text)?;
        let forever = instance.get_typed_func::<(), ()>(&mut store, "forever").map_err(text)?;
        let handle = store.interrupt_handle();
        interrupted(move || handle.interrupt(), || forever.call(&mut store, ()).is_err())
    }))
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
            Task::FirstResultWarm(guest) => first_result_warm(guest),
            Task::Interrupt => interrupt(),
            Task::FirstResult(_) => {
                let make: tasks::MakeEngine = Rc::new(|_| engine_on_demand(None));
                tasks::prepare(&make, Module::code_size, task)
            }
            #[cfg(feature = "emscripten")]
            Task::Emscripten(program) => super::emscripten::ours(&engine(Threads::All)?, program),
            #[cfg(feature = "wasi")]
            Task::Wasi(files, work) => Ok(super::wasi::ours(files, *work)),
            _ => {
                let make: tasks::MakeEngine = Rc::new(engine);
                tasks::prepare(&make, Module::code_size, task)
            }
        }
    }
}
