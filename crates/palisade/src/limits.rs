//! Limits on what the guests of a store may occupy.

#![forbid(unsafe_code)]

use crate::error::{Error, Result};

/// Asked before a store's guests get memories, tables or instances. Installed by [`Store::limiter`](crate::Store).
pub trait ResourceLimiter {
    /// Whether a memory may grow from `current` to `desired` bytes; at creation `current` is 0. `maximum` is its declared
    /// maximum in bytes. `Ok(false)` makes `memory.grow` return -1; an error traps.
    ///
    /// While it is asked about a shared memory, no other thread can grow that; it must not wait for one that tries.
    ///
    /// # Errors
    ///
    /// Whatever the guest shall be stopped with.
    fn memory_growing(
        &mut self,
        current: usize,
        desired: usize,
        maximum: Option<usize>,
    ) -> Result<bool>;

    /// Told when a growth that was allowed has failed, or exceeds the declared maximum.
    ///
    /// # Errors
    ///
    /// Whatever the guest shall be stopped with instead of seeing -1.
    fn memory_grow_failed(&mut self, error: Error) -> Result<()> {
        let _ = error;
        Ok(())
    }

    /// As [`Self::memory_growing`] for tables, in elements.
    ///
    /// # Errors
    ///
    /// Whatever the guest shall be stopped with.
    fn table_growing(
        &mut self,
        current: usize,
        desired: usize,
        maximum: Option<usize>,
    ) -> Result<bool>;

    /// As [`Self::memory_grow_failed`] for tables.
    ///
    /// # Errors
    ///
    /// Whatever the guest shall be stopped with instead of seeing -1.
    fn table_grow_failed(&mut self, error: Error) -> Result<()> {
        let _ = error;
        Ok(())
    }

    /// Instances that the store may hold.
    fn instances(&self) -> usize {
        10_000
    }

    /// Tables that the store may hold.
    fn tables(&self) -> usize {
        10_000
    }

    /// Memories that the store may hold.
    fn memories(&self) -> usize {
        10_000
    }
}

/// Fixed limits. Made by [`StoreLimitsBuilder`].
#[derive(Debug, Clone)]
pub struct StoreLimits {
    memory_size: Option<usize>,
    table_elements: Option<usize>,
    instances: usize,
    tables: usize,
    memories: usize,
    trap_on_grow_failure: bool,
}

impl Default for StoreLimits {
    fn default() -> Self {
        StoreLimits {
            memory_size: None,
            table_elements: None,
            instances: 10_000,
            tables: 10_000,
            memories: 10_000,
            trap_on_grow_failure: false,
        }
    }
}

/// Makes [`StoreLimits`].
#[derive(Debug, Clone, Default)]
pub struct StoreLimitsBuilder(StoreLimits);

impl StoreLimitsBuilder {
    /// No limits but those on counts.
    pub fn new() -> Self {
        Self::default()
    }

    /// Bytes that each memory may have.
    #[must_use]
    pub fn memory_size(mut self, bytes: usize) -> Self {
        self.0.memory_size = Some(bytes);
        self
    }

    /// Elements that each table may have.
    #[must_use]
    pub fn table_elements(mut self, elements: usize) -> Self {
        self.0.table_elements = Some(elements);
        self
    }

    /// Instances that the store may hold.
    #[must_use]
    pub fn instances(mut self, count: usize) -> Self {
        self.0.instances = count;
        self
    }

    /// Tables that the store may hold.
    #[must_use]
    pub fn tables(mut self, count: usize) -> Self {
        self.0.tables = count;
        self
    }

    /// Memories that the store may hold.
    #[must_use]
    pub fn memories(mut self, count: usize) -> Self {
        self.0.memories = count;
        self
    }

    /// Whether a failed growth traps instead of giving the guest -1.
    #[must_use]
    pub fn trap_on_grow_failure(mut self, trap: bool) -> Self {
        self.0.trap_on_grow_failure = trap;
        self
    }

    /// The limits.
    pub fn build(self) -> StoreLimits {
        self.0
    }
}

impl StoreLimits {
    fn decide(&self, what: &str, desired: usize, limit: Option<usize>) -> Result<bool> {
        let allowed = limit.is_none_or(|limit| desired <= limit);
        if !allowed && self.trap_on_grow_failure {
            return Err(Error::resource(format!("forcing trap when growing {what} to {desired}")));
        }
        Ok(allowed)
    }

    fn failed(&self, error: Error) -> Result<()> {
        if self.trap_on_grow_failure { Err(error) } else { Ok(()) }
    }
}

impl ResourceLimiter for StoreLimits {
    fn memory_growing(&mut self, _: usize, desired: usize, maximum: Option<usize>) -> Result<bool> {
        let allowed = self.decide("memory", desired, self.memory_size)?;
        Ok(allowed && maximum.is_none_or(|maximum| desired <= maximum))
    }

    fn memory_grow_failed(&mut self, error: Error) -> Result<()> {
        self.failed(error)
    }

    fn table_growing(&mut self, _: usize, desired: usize, maximum: Option<usize>) -> Result<bool> {
        let allowed = self.decide("table", desired, self.table_elements)?;
        Ok(allowed && maximum.is_none_or(|maximum| desired <= maximum))
    }

    fn table_grow_failed(&mut self, error: Error) -> Result<()> {
        self.failed(error)
    }

    fn instances(&self) -> usize {
        self.instances
    }

    fn tables(&self) -> usize {
        self.tables
    }

    fn memories(&self) -> usize {
        self.memories
    }
}
