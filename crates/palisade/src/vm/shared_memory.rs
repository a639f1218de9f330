//! Shared memories.
//!
//! Unlike other memories they belong to no store: whoever uses one, an instance's store or the host, holds a part of its
//! ownership, and it goes with the last of them. Base and length are in one block that all instances refer to, on
//! whatever thread; the base never changes, the length only under the lock, upwards, after the new bytes are accessible.
//!
//! Other threads may write any byte at any time, so no Rust reference to the bytes is ever made, except to atomic
//! integers and to `UnsafeCell`s.

use super::bulk::{read_atomic, write_atomic};
use super::memory::Space;
use super::memory_pool::MemoryPool;
use super::parking_lot;
use super::store::SharedCtx;
use crate::error::{Error, Result};
use palisade_environ::{MemoryType, Trap, VmMemory};
use std::cell::UnsafeCell;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// What became of waiting for a place in a shared memory. The numbers are those that guests see.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WaitResult {
    /// Another thread has notified the place.
    Ok = 0,
    /// The value there was not the expected one.
    Mismatch = 1,
    /// The time was over before anybody notified the place.
    TimedOut = 2,
}

/// Waits at an address as long as no interrupt of `store` is requested.
fn wait(
    address: usize,
    timeout: Option<Duration>,
    store: Option<&SharedCtx>,
    is_expected: impl FnOnce() -> bool,
) -> WaitResult {
    let owner = store.map_or(0, |store| std::ptr::from_ref(store) as usize);
    parking_lot::wait(address, timeout, owner, || {
        !store.is_some_and(SharedCtx::is_interrupted) && is_expected()
    })
}

/// A memory that several threads use.
///
/// Invariant: `vm.base` is the base of what `space` reserves, and `vm.len` bytes from there are committed.
pub(crate) struct SharedMemoryData {
    vm: VmMemory,
    ty: MemoryType,
    space: Mutex<Space>,
}

// SAFETY: the mapping that `vm.base` points to belongs to `space` and may be used by any thread.
unsafe impl Send for SharedMemoryData {}
// SAFETY: through `&` the base is only read, the length is atomic, and bytes are reached by raw pointers, atomic integers
// or `UnsafeCell`s only, which claim nothing about other threads.
unsafe impl Sync for SharedMemoryData {}

impl SharedMemoryData {
    /// A memory of a shared type. `usual` is what the engine's configuration reserves for memories that could use more.
    pub(crate) fn new(ty: &MemoryType, usual: u64) -> Result<SharedMemoryData> {
        assert!(ty.is_shared(), "the type of a shared memory");
        let (vm, space) = Space::allocate(MemoryPool::on_demand(), ty, usual, None)?;
        Ok(SharedMemoryData { vm, ty: ty.clone(), space: Mutex::new(space) })
    }

    /// Its declared type.
    pub(crate) fn ty(&self) -> &MemoryType {
        &self.ty
    }

    /// What compiled code reads. Nothing is written through the pointer.
    pub(super) fn vm(&self) -> &VmMemory {
        &self.vm
    }

    /// Its current size in bytes. Sequentially consistent, as the size of a shared memory is in WebAssembly.
    pub(crate) fn len(&self) -> usize {
        self.vm.len.load(Ordering::SeqCst)
    }

    /// Its current size in pages.
    pub(crate) fn pages(&self) -> u64 {
        self.len() as u64 >> self.ty.page_size_log2()
    }

    /// Its bytes, which guests may be changing.
    pub(crate) fn cells(&self) -> &[UnsafeCell<u8>] {
        // SAFETY: by the invariant these bytes are accessible, and they remain so while `self` is borrowed; an
        // `UnsafeCell` may be changed by others, and `u8` has no invalid values.
        unsafe { std::slice::from_raw_parts(self.vm.base.cast(), self.len()) }
    }

    /// Fills `buffer` from byte `place` on, reading each byte once; none if they are not all within the memory.
    pub(crate) fn read(&self, place: usize, buffer: &mut [u8]) -> Option<()> {
        let from = self.range(place, buffer.len())?;
        // SAFETY: the range is within the memory (checked), which `self` keeps, and only grows. Guests' accesses to it
        // are made by compiled code, the runtime's are atomic.
        unsafe { read_atomic(from, buffer) };
        Some(())
    }

    /// Writes `bytes` from byte `place` on; none, and nothing is written, if they are not all within the memory.
    pub(crate) fn write(&self, place: usize, bytes: &[u8]) -> Option<()> {
        let to = self.range(place, bytes.len())?;
        // SAFETY: as in `read`.
        unsafe { write_atomic(to, bytes) };
        Some(())
    }

    /// The address of byte `place`, if `len` bytes from there are within the memory.
    fn range(&self, place: usize, len: usize) -> Option<*mut u8> {
        place.checked_add(len).filter(|end| *end <= self.len())?;
        Some(self.vm.base.wrapping_add(place))
    }

    /// Keeps its size as it is until the guard is dropped.
    pub(super) fn lock(&self) -> MutexGuard<'_, Space> {
        // A limiter may have panicked; sizes are changed only where nothing panics.
        self.space.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds `delta` pages, asking nobody; the old size in pages.
    pub(crate) fn grow(&self, delta: u64) -> Result<u64> {
        let mut space = self.lock();
        let old = self.len();
        let failed = || Error::resource(format!("failed to grow memory by `{delta}`"));
        let new = super::memory::grown(&self.ty, old, delta).ok_or_else(failed)?;
        space.grow(&self.vm, new).map_err(|_| failed())?;
        Ok(old as u64 >> self.ty.page_size_log2())
    }

    /// `memory.atomic.wait32` at byte `place`, which an interrupt of `store` ends.
    pub(crate) fn wait32(
        &self,
        place: u64,
        expected: u32,
        timeout: Option<Duration>,
        store: Option<&SharedCtx>,
    ) -> Result<WaitResult, Trap> {
        let cell = self.atomic(place, size_of::<u32>() as u64)?.cast::<u32>();
        // SAFETY: aligned and within the memory (checked), which `self` keeps. Guests' accesses to the same bytes are
        // made by compiled code, outside of Rust's memory model; the runtime's are atomic.
        let cell = unsafe { AtomicU32::from_ptr(cell) };
        Ok(wait(cell.as_ptr() as usize, timeout, store, || cell.load(Ordering::SeqCst) == expected))
    }

    /// `memory.atomic.wait64` at byte `place`, likewise.
    pub(crate) fn wait64(
        &self,
        place: u64,
        expected: u64,
        timeout: Option<Duration>,
        store: Option<&SharedCtx>,
    ) -> Result<WaitResult, Trap> {
        let cell = self.atomic(place, size_of::<u64>() as u64)?.cast::<u64>();
        // SAFETY: as in `wait32`.
        let cell = unsafe { AtomicU64::from_ptr(cell) };
        Ok(wait(cell.as_ptr() as usize, timeout, store, || cell.load(Ordering::SeqCst) == expected))
    }

    /// `memory.atomic.notify` at byte `place`.
    pub(crate) fn notify(&self, place: u64, count: u32) -> Result<u32, Trap> {
        let address = self.atomic(place, size_of::<u32>() as u64)?;
        Ok(parking_lot::notify(address as usize, count))
    }

    fn atomic(&self, place: u64, size: u64) -> Result<*mut u8, Trap> {
        check_atomic(place, 0, size, self.len())?;
        Ok(self.vm.base.wrapping_add(place as usize))
    }
}

/// The byte `index` plus `offset` of a memory of `len` bytes, if an atomic access of `size` bytes may be made there.
pub(super) fn check_atomic(index: u64, offset: u64, size: u64, len: usize) -> Result<u64, Trap> {
    if index.wrapping_add(offset) & (size - 1) != 0 {
        return Err(Trap::HeapMisaligned);
    }
    let place = index.checked_add(offset).ok_or(Trap::MemoryOutOfBounds)?;
    let end = place.checked_add(size).filter(|end| *end <= len as u64);
    end.map(|_| place).ok_or(Trap::MemoryOutOfBounds)
}
