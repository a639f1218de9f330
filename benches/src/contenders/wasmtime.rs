//! Wasmtime, with each of its compilers.

use super::embedding::embedding;
use crate::contender::{Contender, Sampler, Task};
use wasmtime::{Config, Engine, Strategy};

embedding!(wasmtime);

pub(super) struct Wasmtime {
    name: &'static str,
    strategy: Strategy,
}

impl Wasmtime {
    /// The optimising compiler, which is what everything is compared with.
    pub(super) fn cranelift() -> Wasmtime {
        Wasmtime { name: "wasmtime", strategy: Strategy::Cranelift }
    }

    /// The compiler that is fast itself.
    pub(super) fn winch() -> Wasmtime {
        Wasmtime { name: "winch", strategy: Strategy::Winch }
    }

    fn engine(&self) -> Result<Engine, String> {
        let mut config = Config::new();
        config.strategy(self.strategy);
        if self.strategy == Strategy::Cranelift {
            // What kernels use and is off by default; Winch has none of it.
            config.wasm_function_references(true).wasm_gc(true).wasm_exceptions(true);
            config.wasm_wide_arithmetic(true).shared_memory(true);
        }
        Engine::new(&config).map_err(|error| error.to_string())
    }
}

impl Contender for Wasmtime {
    fn name(&self) -> &'static str {
        self.name
    }

    fn version(&self) -> String {
        "48.0.8".to_string()
    }

    fn prepare(&self, task: &Task) -> Result<Sampler, String> {
        tasks::prepare(&self.engine()?, task)
    }
}
