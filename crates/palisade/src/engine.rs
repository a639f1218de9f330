//! Engines: a configuration with its compiler and its function types.

#![forbid(unsafe_code)]

use crate::error::{Error, Result};
use crate::{Config, vm};
use palisade_compile::Compiler;
use palisade_environ::{TypeRegistry, TypeSource};
use std::fmt;
use std::sync::Arc;

/// Compiles modules and runs what was compiled. Cheap to clone; clones are the same engine.
#[derive(Clone)]
pub struct Engine(Arc<EngineInner>);

struct EngineInner {
    config: Config,
    compiler: Arc<Compiler>,
    types: Arc<TypeRegistry>,
}

impl Default for Engine {
    /// An engine with the default configuration.
    ///
    /// # Panics
    ///
    /// If Cranelift does not support this machine.
    fn default() -> Self {
        Engine::new(&Config::default()).expect("the default configuration works on this machine")
    }
}

impl Engine {
    /// An engine with this configuration. The first one installs the process's handler for faults of compiled code.
    ///
    /// # Errors
    ///
    /// When Cranelift does not support this machine, or a proposal is on without one that it builds on.
    pub fn new(config: &Config) -> Result<Engine> {
        if let Some(contradiction) = config.features.contradiction() {
            return Err(Error::usage(contradiction));
        }
        vm::install_fault_handler();
        Ok(Engine(Arc::new(EngineInner {
            compiler: Arc::new(Compiler::new(&config.compiler)?),
            config: config.clone(),
            types: Arc::default(),
        })))
    }

    /// Whether `a` and `b` are the same engine.
    pub fn same(a: &Engine, b: &Engine) -> bool {
        Arc::ptr_eq(&a.0, &b.0)
    }

    /// Bytes of stack that wasm may use, as set by [`Config::max_wasm_stack`]. A thread made to run guests needs these and
    /// what host functions use, for which 512 KiB are plenty.
    pub fn max_wasm_stack(&self) -> usize {
        self.0.config.max_wasm_stack
    }

    pub(crate) fn config(&self) -> &Config {
        &self.0.config
    }

    pub(crate) fn compiler(&self) -> &Arc<Compiler> {
        &self.0.compiler
    }
}

impl TypeSource for Engine {
    fn type_registry(&self) -> &Arc<TypeRegistry> {
        &self.0.types
    }
}

impl fmt::Debug for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Engine").field("config", &self.0.config).finish()
    }
}
