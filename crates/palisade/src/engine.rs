//! Engines: a configuration with its compiler and its function types.

#![forbid(unsafe_code)]

use crate::error::{Context, Error, Result};
use crate::{Config, Module, PoolingAllocationConfig, vm};
use palisade_compile::Compiler;
use palisade_environ::{TypeRegistry, TypeSource};
use std::fmt;
use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::sync::{Arc, OnceLock};

/// Compiles modules and runs what was compiled. Cheap to clone; clones are the same engine.
#[derive(Clone)]
pub struct Engine(Arc<EngineInner>);

struct EngineInner {
    config: Config,
    compiler: Arc<Compiler>,
    types: Arc<TypeRegistry>,
    /// Computed when it is asked for.
    identity: OnceLock<vm::Identity>,
    memory_pool: Arc<vm::MemoryPool>,
    instances: Option<Arc<vm::Quota>>,
    tables: Option<Arc<vm::Quota>>,
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
    /// When Cranelift does not support this machine, a proposal is on without one that it builds on, or there is not as much
    /// address space as [pooling](crate::InstanceAllocationStrategy) needs.
    pub fn new(config: &Config) -> Result<Engine> {
        if let Some(contradiction) = config.features.contradiction() {
            return Err(Error::usage(contradiction));
        }
        vm::install_handlers();
        let memory_pool = match config.pooling() {
            Some(pooling) => Arc::new(vm::MemoryPool::with_slots(pooling)?),
            None => vm::MemoryPool::on_demand().clone(),
        };
        let quota = |kind, limit: fn(&PoolingAllocationConfig) -> u32| {
            config.pooling().map(|pooling| vm::Quota::new(kind, limit(pooling)))
        };
        Ok(Engine(Arc::new(EngineInner {
            compiler: Arc::new(Compiler::new(&config.compiler)?),
            config: config.clone(),
            types: Arc::default(),
            identity: OnceLock::new(),
            memory_pool,
            instances: quota("core instances", |pooling| pooling.total_core_instances),
            tables: quota("tables", |pooling| pooling.total_tables),
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

    /// Compiles a module from the binary or the text format, to be loaded later by [`Module::deserialize`].
    ///
    /// # Errors
    ///
    /// As for [`Module::new`].
    pub fn precompile_module(&self, bytes: &[u8]) -> Result<Vec<u8>> {
        Module::new(self, bytes)?.serialize()
    }

    /// Whether `bytes` begin as compiled modules do.
    pub fn detect_precompiled(bytes: &[u8]) -> Option<Precompiled> {
        bytes.starts_with(&vm::ARTIFACT_MAGIC).then_some(Precompiled::Module)
    }

    /// As [`Engine::detect_precompiled`], for a file.
    ///
    /// # Errors
    ///
    /// When it cannot be read.
    pub fn detect_precompiled_file(file: impl AsRef<Path>) -> Result<Option<Precompiled>> {
        let named = || format!("cannot read `{}`", file.as_ref().display());
        let mut start = Vec::new();
        let file = File::open(file.as_ref()).with_context(named)?;
        file.take(vm::ARTIFACT_MAGIC.len() as u64).read_to_end(&mut start).with_context(named)?;
        Ok(Engine::detect_precompiled(&start))
    }

    /// What engines have in common that can use each other's compiled modules.
    pub(crate) fn identity(&self) -> &vm::Identity {
        self.0.identity.get_or_init(|| {
            let version =
                (env!("CARGO_PKG_VERSION"), vm::ARTIFACT_VERSION, palisade_sys::page_size());
            let shape = (version, self.compiler().fingerprint(), self.config().features);
            *blake3::hash(format!("{shape:?}").as_bytes()).as_bytes()
        })
    }

    pub(crate) fn config(&self) -> &Config {
        &self.0.config
    }

    /// Where memories of its instances have their space from.
    pub(crate) fn memory_pool(&self) -> &Arc<vm::MemoryPool> {
        &self.0.memory_pool
    }

    /// How many of its instances may live.
    pub(crate) fn instance_quota(&self) -> Option<&Arc<vm::Quota>> {
        self.0.instances.as_ref()
    }

    /// How many tables of its instances may live.
    pub(crate) fn table_quota(&self) -> Option<&Arc<vm::Quota>> {
        self.0.tables.as_ref()
    }

    pub(crate) fn compiler(&self) -> &Arc<Compiler> {
        &self.0.compiler
    }
}

/// What a compiled file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Precompiled {
    /// A module.
    Module,
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
