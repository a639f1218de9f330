//! How instances get what they occupy: whenever they need it, or out of what the engine has set aside.

#![forbid(unsafe_code)]

use crate::error::{Error, Result};
use palisade_environ::ModuleInfo;

/// How instances get their memories and tables.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub enum InstanceAllocationStrategy {
    /// As they are made, with no limits but those of stores and of the system.
    #[default]
    OnDemand,
    /// From a fixed number of places that the engine reserves when it is made.
    Pooling(PoolingAllocationConfig),
}

impl InstanceAllocationStrategy {
    /// Pooling with the default limits.
    pub fn pooling() -> Self {
        InstanceAllocationStrategy::Pooling(PoolingAllocationConfig::default())
    }
}

impl From<PoolingAllocationConfig> for InstanceAllocationStrategy {
    fn from(config: PoolingAllocationConfig) -> Self {
        InstanceAllocationStrategy::Pooling(config)
    }
}

/// What an engine with [`InstanceAllocationStrategy::Pooling`] sets aside and allows.
///
/// It is about what instances define. What the host makes, and shared memories, are always made on demand.
#[derive(Clone, Debug)]
pub struct PoolingAllocationConfig {
    pub(crate) total_core_instances: u32,
    pub(crate) total_memories: u32,
    pub(crate) total_tables: u32,
    pub(crate) max_core_instance_size: usize,
    pub(crate) max_memories_per_module: u32,
    pub(crate) max_tables_per_module: u32,
    pub(crate) max_memory_size: usize,
    pub(crate) table_elements: usize,
    pub(crate) linear_memory_keep_resident: usize,
    pub(crate) max_unused_warm_slots: u32,
}

impl Default for PoolingAllocationConfig {
    fn default() -> Self {
        PoolingAllocationConfig {
            total_core_instances: 1000,
            total_memories: 1000,
            total_tables: 1000,
            max_core_instance_size: 1 << 20,
            max_memories_per_module: 1,
            max_tables_per_module: 1,
            max_memory_size: 1 << 32,
            table_elements: 20_000,
            linear_memory_keep_resident: 1 << 20,
            max_unused_warm_slots: 100,
        }
    }
}

impl PoolingAllocationConfig {
    /// The defaults, which each setting names.
    pub fn new() -> Self {
        Self::default()
    }

    /// Instances that may live at the same time. Default: 1000.
    pub fn total_core_instances(&mut self, count: u32) -> &mut Self {
        self.total_core_instances = count;
        self
    }

    /// Memories that may live at the same time. Default: 1000. Each takes 4 GiB of address space and its guard regions, or
    /// [`max_memory_size`](Self::max_memory_size) if that is more.
    pub fn total_memories(&mut self, count: u32) -> &mut Self {
        self.total_memories = count;
        self
    }

    /// Tables that may live at the same time. Default: 1000.
    pub fn total_tables(&mut self, count: u32) -> &mut Self {
        self.total_tables = count;
        self
    }

    /// Bytes that the runtime may need for an instance of a module, besides memories and tables. Default: 1 MiB.
    pub fn max_core_instance_size(&mut self, bytes: usize) -> &mut Self {
        self.max_core_instance_size = bytes;
        self
    }

    /// Memories that a module may define. Default: 1.
    pub fn max_memories_per_module(&mut self, count: u32) -> &mut Self {
        self.max_memories_per_module = count;
        self
    }

    /// Tables that a module may define. Default: 1.
    pub fn max_tables_per_module(&mut self, count: u32) -> &mut Self {
        self.max_tables_per_module = count;
        self
    }

    /// Bytes that a memory may have. Default: 4 GiB. Modules whose memories begin larger are refused; growth beyond fails.
    pub fn max_memory_size(&mut self, bytes: usize) -> &mut Self {
        self.max_memory_size = bytes;
        self
    }

    /// Elements that a table may have. Default: 20,000. Modules whose tables begin larger are refused; growth beyond fails.
    pub fn table_elements(&mut self, count: usize) -> &mut Self {
        self.table_elements = count;
        self
    }

    /// Bytes of a memory that may stay resident while nobody uses it. Default: 1 MiB; wasmtime keeps nothing.
    ///
    /// Pages that a guest has written are restored in place up to this many bytes, which is cheaper than faults on fresh ones;
    /// those beyond are given back to the system.
    pub fn linear_memory_keep_resident(&mut self, bytes: usize) -> &mut Self {
        self.linear_memory_keep_resident = bytes;
        self
    }

    /// Unused memories that may have resident pages, or be prepared for the module that they had last. Default: 100.
    pub fn max_unused_warm_slots(&mut self, count: u32) -> &mut Self {
        self.max_unused_warm_slots = count;
        self
    }

    /// Refuses a module that can have no instance.
    pub(crate) fn check(&self, info: &ModuleInfo) -> Result<()> {
        let refused = |message| Err(Error::resource(message));
        let counts = [
            (
                "memories",
                info.memories.len() - info.imported_memories,
                self.max_memories_per_module,
            ),
            ("tables", info.tables.len() - info.imported_tables, self.max_tables_per_module),
        ];
        for (kind, count, limit) in counts {
            if count > limit as usize {
                return refused(format!(
                    "defined {kind} count of {count} exceeds the per-module limit of {limit}"
                ));
            }
        }
        for ty in info.memories.values().skip(info.imported_memories) {
            let (minimum, limit) = (ty.minimum_bytes(), self.max_memory_size);
            if !ty.is_shared() && minimum > limit as u64 {
                return refused(format!(
                    "memory minimum size of {minimum} bytes exceeds the limit of {limit} bytes"
                ));
            }
        }
        for ty in info.tables.values().skip(info.imported_tables) {
            let (minimum, limit) = (ty.minimum(), self.table_elements);
            if minimum > limit as u64 {
                return refused(format!(
                    "table minimum size of {minimum} elements exceeds the limit of {limit} elements"
                ));
            }
        }
        let (size, limit) = (info.offsets.size(), self.max_core_instance_size);
        if size as usize > limit {
            return refused(format!(
                "instance size of {size} bytes exceeds the configured maximum of {limit} bytes"
            ));
        }
        Ok(())
    }
}
