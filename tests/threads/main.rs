//! Shared memories, atomic accesses, and threads that wait for each other.
//!
//! A test that loses a wake-up would wait for ever; guests wait for a minute at most instead, and then trap.

#![forbid(unsafe_code)]

mod access;
mod api;
mod growth;
mod handoff;
mod kinds;
mod lifetime;
mod script;
mod waiting;

use palisade::{
    Config, Engine, Instance, MemoryType, Module, OptLevel, Result, SharedMemory, Store, Trap,
    WasmParams, WasmResults,
};
use std::fmt::Debug;
use std::time::Duration;

const PAGE: u64 = 65536;

/// More than any thread has to wait for another one.
const LONG: Duration = Duration::from_secs(60);

/// What these tests use, with the compiler's checks of its own work.
fn config() -> Config {
    let mut config = Config::new();
    config.cranelift_debug_verifier(true).wasm_custom_page_sizes(true);
    config
}

fn engine() -> Engine {
    Engine::new(&config()).unwrap()
}

/// Engines that optimise and that do not.
fn engines() -> impl Iterator<Item = Engine> {
    [OptLevel::Speed, OptLevel::None]
        .into_iter()
        .map(|level| Engine::new(config().cranelift_opt_level(level)).unwrap())
}

#[track_caller]
fn shared(engine: &Engine, minimum: u32, maximum: u32) -> SharedMemory {
    SharedMemory::new(engine, MemoryType::shared(minimum, maximum)).unwrap()
}

/// A module on a shared memory: what every thread makes an instance of.
struct Guest {
    module: Module,
    memory: SharedMemory,
}

impl Guest {
    /// `text` is the module's, without its import of a shared memory of one page.
    #[track_caller]
    fn new(engine: &Engine, text: &str) -> Guest {
        Guest::with(engine, "1 1", shared(engine, 1, 1), text)
    }

    #[track_caller]
    fn with(engine: &Engine, limits: &str, memory: SharedMemory, text: &str) -> Guest {
        let text = format!(r#"(module (import "" "memory" (memory {limits} shared)) {text})"#);
        let module = Module::new(engine, &text).unwrap_or_else(|error| panic!("{text}: {error:?}"));
        Guest { module, memory }
    }

    /// An instance in a store of its own.
    fn instance(&self) -> (Store<()>, Instance) {
        let mut store = Store::new(self.module.engine(), ());
        let instance =
            Instance::new(&mut store, &self.module, &[self.memory.clone().into()]).unwrap();
        (store, instance)
    }

    /// Calls an exported function of a new instance.
    fn call<P: WasmParams, R: WasmResults>(&self, name: &str, params: P) -> Result<R> {
        let (mut store, instance) = self.instance();
        instance.get_typed_func::<P, R>(&mut store, name).unwrap().call(&mut store, params)
    }

    /// Calls an exported function on as many threads as there are parameters, each with a store of its own.
    fn call_all<P: WasmParams + Send, R: WasmResults + Send + Debug>(
        &self,
        name: &str,
        params: impl IntoIterator<Item = P>,
    ) -> Vec<R> {
        std::thread::scope(|scope| {
            let threads: Vec<_> = params
                .into_iter()
                .map(|params| scope.spawn(move || self.call::<P, R>(name, params).unwrap()))
                .collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        })
    }

    /// The 64 bits at a multiple of 8, found by asking the guest, which exports `load64`.
    fn load64(&self, place: i32) -> i64 {
        self.call("load64", place).unwrap()
    }
}

/// An export that [`Guest::load64`] calls.
const LOAD64: &str =
    r#"(func (export "load64") (param i32) (result i64) (i64.atomic.load (local.get 0)))"#;

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
