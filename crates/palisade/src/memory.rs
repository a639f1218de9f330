//! Linear memories.

#![forbid(unsafe_code)]

use crate::error::{Error, Result};
use crate::vm::{MemoryData, MemoryPool, StoreId, StoreOpaque};
use crate::{AsContext, AsContextMut, MemoryType, StoreContext, StoreContextMut};
use std::fmt;

/// A linear memory of a store.
///
/// A view of its bytes borrows the store, so it cannot outlive growth: what other hosts find out at run time (a
/// detached or stale buffer) does not compile here. Memories that several threads use are another type,
/// [`SharedMemory`](crate::SharedMemory).
#[derive(Debug, Clone, Copy)]
pub struct Memory {
    store: StoreId,
    index: u32,
}

/// An access outside of a memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MemoryAccessError(());

impl MemoryAccessError {
    pub(crate) fn new() -> MemoryAccessError {
        MemoryAccessError(())
    }
}

impl fmt::Display for MemoryAccessError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("out of bounds memory access")
    }
}

impl std::error::Error for MemoryAccessError {}

impl Memory {
    /// Makes a memory in `store`.
    ///
    /// # Errors
    ///
    /// When there can be no memory of this type (its minimum exceeds its maximum, or what its indices can name), the type
    /// is shared (see [`SharedMemory`](crate::SharedMemory)), or the store's limiter or the system refuses it.
    pub fn new(mut store: impl AsContextMut, ty: MemoryType) -> Result<Memory> {
        let store = store.as_context_mut().opaque();
        ty.check().map_err(|error| Error::resource(error.to_string()))?;
        if ty.is_shared() {
            return Err(Error::usage("shared memories are made by `SharedMemory::new`"));
        }
        let index = MemoryData::create(store, MemoryPool::on_demand(), &ty, None)?;
        Ok(Memory::from_index(store, index))
    }

    pub(crate) fn from_index(store: &StoreOpaque, index: u32) -> Memory {
        Memory { store: store.id(), index }
    }

    pub(crate) fn index(self, store: &StoreOpaque) -> u32 {
        store.check(self.store);
        self.index
    }

    fn get(self, store: &StoreOpaque) -> &MemoryData {
        store.memory(self.index(store))
    }

    /// Its declared type.
    pub fn ty(&self, store: impl AsContext) -> MemoryType {
        self.get(store.as_context().opaque()).ty().clone()
    }

    /// Its bytes.
    pub fn data<'a, T: 'static>(&self, store: impl Into<StoreContext<'a, T>>) -> &'a [u8] {
        self.get(store.into().opaque()).bytes()
    }

    /// Its bytes, to be changed.
    pub fn data_mut<'a, T: 'static>(
        &self,
        store: impl Into<StoreContextMut<'a, T>>,
    ) -> &'a mut [u8] {
        let store = store.into().opaque();
        let index = self.index(store);
        store.memory_mut(index).bytes_mut()
    }

    /// Its bytes and the host's data, both to be changed.
    pub fn data_and_store_mut<'a, T: 'static>(
        &self,
        store: impl Into<StoreContextMut<'a, T>>,
    ) -> (&'a mut [u8], &'a mut T) {
        let inner = store.into().inner();
        let index = self.index(inner.opaque());
        let (data, bytes) = inner.data_and_memory(index);
        (bytes, data)
    }

    /// Fills `buffer` from the bytes at `offset`.
    ///
    /// # Errors
    ///
    /// When they are not all within the memory; then nothing is read.
    pub fn read(
        &self,
        store: impl AsContext,
        offset: usize,
        buffer: &mut [u8],
    ) -> Result<(), MemoryAccessError> {
        let bytes = self.get(store.as_context().opaque()).bytes();
        let end = offset.checked_add(buffer.len()).ok_or(MemoryAccessError(()))?;
        buffer.copy_from_slice(bytes.get(offset..end).ok_or(MemoryAccessError(()))?);
        Ok(())
    }

    /// Writes `buffer` to the bytes at `offset`.
    ///
    /// # Errors
    ///
    /// When they are not all within the memory; then nothing is written.
    pub fn write(
        &self,
        mut store: impl AsContextMut,
        offset: usize,
        buffer: &[u8],
    ) -> Result<(), MemoryAccessError> {
        let store = store.as_context_mut().opaque();
        let index = self.index(store);
        let bytes = store.memory_mut(index).bytes_mut();
        let end = offset.checked_add(buffer.len()).ok_or(MemoryAccessError(()))?;
        bytes.get_mut(offset..end).ok_or(MemoryAccessError(()))?.copy_from_slice(buffer);
        Ok(())
    }

    /// Its first byte. It never moves while the store lives; how many bytes are accessible changes with growth.
    pub fn data_ptr(&self, store: impl AsContext) -> *mut u8 {
        self.get(store.as_context().opaque()).base()
    }

    /// Its size in bytes.
    pub fn data_size(&self, store: impl AsContext) -> usize {
        self.get(store.as_context().opaque()).len()
    }

    /// Its size in pages.
    pub fn size(&self, store: impl AsContext) -> u64 {
        self.get(store.as_context().opaque()).pages()
    }

    /// Bytes in one of its pages.
    pub fn page_size(&self, store: impl AsContext) -> u64 {
        self.get(store.as_context().opaque()).ty().page_size()
    }

    /// Adds `delta` pages and returns the size before.
    ///
    /// # Errors
    ///
    /// When its maximum, the store's limiter or the system refuses; then it is as it was.
    pub fn grow(&self, mut store: impl AsContextMut, delta: u64) -> Result<u64> {
        let store = store.as_context_mut().opaque();
        let index = self.index(store);
        MemoryData::grow(store, index, delta)?
            .ok_or_else(|| Error::resource(format!("failed to grow memory by `{delta}`")))
    }
}
