//! Wasmtime, with each of its compilers.

use super::embedding::{embedding, interrupted, timed};
use crate::LoadModule;
use crate::contender::{Contender, Sampler, Task, Threads};
use crate::guests::{self, Guest};
use std::fs;
use std::path::PathBuf;
use std::rc::Rc;
use wasmtime::{Config, Engine, Instance, Module, Store, Strategy};

embedding!(wasmtime);
#[cfg(feature = "wasi")]
super::ruby::ruby!(
    wasmtime,
    wasmtime_wasi::p1::WasiP1Ctx,
    |linker| { wasmtime_wasi::p1::add_to_linker_sync(linker, |host: &mut Host| &mut host.wasi) },
    wasmtime_wasi::WasiCtxBuilder::new().arg("ruby").build_p1()
);

/// Which compiler.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Mode {
    /// The optimising one.
    Cranelift,
    /// The one that is fast itself.
    Winch,
    /// Cranelift, to code that wasmtime interprets.
    #[cfg(feature = "interpreters")]
    Pulley,
}

pub(super) struct Wasmtime {
    mode: Mode,
    load: LoadModule,
}

impl Wasmtime {
    pub(super) fn cranelift(load: LoadModule) -> Wasmtime {
        Wasmtime { mode: Mode::Cranelift, load }
    }

    pub(super) fn winch(load: LoadModule) -> Wasmtime {
        Wasmtime { mode: Mode::Winch, load }
    }

    #[cfg(feature = "interpreters")]
    pub(super) fn pulley(load: LoadModule) -> Wasmtime {
        Wasmtime { mode: Mode::Pulley, load }
    }

    fn config(mode: Mode) -> Result<Config, String> {
        let mut config = Config::new();
        match mode {
            Mode::Winch => {
                config.strategy(Strategy::Winch);
                return Ok(config);
            }
            Mode::Cranelift => {}
            #[cfg(feature = "interpreters")]
            Mode::Pulley => {
                config.target("pulley64").map_err(|error| error.to_string())?;
            }
        }
        // What kernels use and is off by default; Winch has none of it.
        config.wasm_function_references(true).wasm_gc(true).wasm_exceptions(true);
        config.wasm_wide_arithmetic(true).shared_memory(true);
        Ok(config)
    }

    fn engine(mode: Mode, threads: Threads) -> Result<Engine, String> {
        let mut config = Wasmtime::config(mode)?;
        config.parallel_compilation(threads == Threads::All);
        Engine::new(&config).map_err(|error| error.to_string())
    }

    /// Loads what an earlier process compiled. The first one of all does not find it, and makes it.
    fn first_result_warm(&self, guest: &Rc<Guest>) -> Result<Sampler, String> {
        let path = self.warm_file(guest);
        let (mode, load, guest) = (self.mode, self.load, guest.clone());
        if load(&Wasmtime::engine(mode, Threads::All)?, &path).is_err() {
            let engine = Wasmtime::engine(mode, Threads::All)?;
            let module = Module::new(&engine, guest.input.bytes()?);
            let code = module.and_then(|module| module.serialize());
            fs::create_dir_all(guests::kept())
                .and_then(|()| fs::write(&path, code.map_err(std::io::Error::other)?))
                .map_err(|error| error.to_string())?;
        }
        Ok(Box::new(move || {
            timed(|| {
                let engine = Wasmtime::engine(mode, Threads::All)?;
                let module = load(&engine, &path).map_err(|error| error.to_string())?;
                tasks::first_result(&engine, &module, &guest)
            })
        }))
    }

    fn warm_file(&self, guest: &Guest) -> PathBuf {
        guests::kept().join(format!("{}-{}.cwasm", self.name(), guest.input.name))
    }

    /// Ends a loop by an epoch, which costs all loops a check.
    fn interrupt(&self) -> Result<Sampler, String> {
        let mut config = Wasmtime::config(self.mode)?;
        config.epoch_interruption(true);
        let text = |error: wasmtime::Error| error.to_string();
        let engine = Engine::new(&config).map_err(text)?;
        let module = wat::parse_str(guests::RUNTIME).map_err(|error| error.to_string())?;
        let module = Module::new(&engine, module).map_err(text)?;
        Ok(Box::new(move || {
            let mut store = Store::new(&engine, ());
            store.set_epoch_deadline(1);
            let instance = Instance::new(&mut store, &module, &[]).map_err(text)?;
            let forever = instance.get_typed_func::<(), ()>(&mut store, "forever").map_err(text)?;
            let other = engine.clone();
            let request = move || other.increment_epoch();
            interrupted(request, || forever.call(&mut store, ()).is_err())
        }))
    }
}

impl Contender for Wasmtime {
    fn name(&self) -> &'static str {
        match self.mode {
            Mode::Cranelift => "wasmtime",
            Mode::Winch => "winch",
            #[cfg(feature = "interpreters")]
            Mode::Pulley => "pulley",
        }
    }

    fn version(&self) -> String {
        let compiler = match self.mode {
            Mode::Cranelift => "Cranelift",
            Mode::Winch => "Winch",
            #[cfg(feature = "interpreters")]
            Mode::Pulley => "the Pulley interpreter",
        };
        format!("wasmtime 48.0.8 with {compiler}")
    }

    fn prepare(&self, task: &Task) -> Result<Sampler, String> {
        match task {
            Task::FirstResultWarm(guest) => self.first_result_warm(guest),
            Task::Interrupt => self.interrupt(),
            #[cfg(feature = "wasi")]
            Task::Wasi(files, work) if self.mode == Mode::Cranelift => {
                Ok(super::wasi::theirs(files, *work))
            }
            _ => {
                let mode = self.mode;
                let make: tasks::MakeEngine =
                    Rc::new(move |threads| Wasmtime::engine(mode, threads));
                tasks::prepare(&make, |module| module.text().len(), task)
            }
        }
    }
}
