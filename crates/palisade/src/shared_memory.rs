//! Linear memories that several threads use.

#![forbid(unsafe_code)]

use crate::error::{Error, Result};
use crate::vm::{MemoryData, MemoryPool, SharedMemoryData};
use crate::{AsContextMut, Engine, MemoryAccessError, MemoryType, Trap, WaitResult};
use std::cell::UnsafeCell;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// A linear memory that instances of several stores use at once, on whatever threads.
///
/// It belongs to no store: clones are the same memory, and it lives as long as one of them, or a store with an instance
/// that uses it. As guests may change any byte at any time, there are no slices of it: [`read`](Self::read) and
/// [`write`](Self::write) copy.
///
/// ```
/// use palisade::{Engine, Instance, MemoryType, Module, SharedMemory, Store};
///
/// let engine = Engine::default();
/// let module = Module::new(
///     &engine,
///     r#"(module
///         (import "host" "memory" (memory 1 1 shared))
///         (func (export "count")
///             (drop (i32.atomic.rmw.add (i32.const 0) (i32.const 1)))))"#,
/// )?;
/// let memory = SharedMemory::new(&engine, MemoryType::shared(1, 1))?;
/// std::thread::scope(|scope| {
///     for _ in 0..4 {
///         scope.spawn(|| {
///             let mut store = Store::new(&engine, ());
///             let instance = Instance::new(&mut store, &module, &[memory.clone().into()]).unwrap();
///             let count = instance.get_typed_func::<(), ()>(&mut store, "count").unwrap();
///             count.call(&mut store, ()).unwrap();
///         });
///     }
/// });
/// // The count is 4 now: this would wait for it to change, if it had any time.
/// let result = memory.atomic_wait32(0, 4, Some(std::time::Duration::ZERO))?;
/// assert_eq!(result, palisade::WaitResult::TimedOut);
/// # Ok::<(), palisade::Error>(())
/// ```
#[derive(Clone)]
pub struct SharedMemory(Arc<SharedMemoryData>);

fn check(engine: &Engine, ty: &MemoryType) -> Result<()> {
    if !ty.is_shared() {
        return Err(Error::usage("a shared memory needs a memory type that is shared"));
    }
    if !engine.config().features.has_threads() {
        return Err(Error::usage("the engine does not allow the threads proposal"));
    }
    ty.check().map_err(|error| Error::resource(error.to_string()))
}

impl SharedMemory {
    /// Makes a memory of a shared type.
    ///
    /// # Errors
    ///
    /// When the type is not shared, there can be no memory of it (it has no maximum, or its minimum exceeds that), the
    /// engine does not allow threads, or the system refuses it.
    pub fn new(engine: &Engine, ty: MemoryType) -> Result<SharedMemory> {
        check(engine, &ty)?;
        let usual = engine.config().memory_reservation;
        Ok(SharedMemory(Arc::new(SharedMemoryData::new(&ty, usual)?)))
    }

    /// As [`new`](Self::new), if the limiter of `store` allows it, which is asked as if an instance in the store had the
    /// memory, and the store keeps it: for a memory that the host makes because a guest imports one.
    ///
    /// # Errors
    ///
    /// As for [`new`](Self::new), and when the limiter refuses.
    pub fn new_in(mut store: impl AsContextMut, ty: MemoryType) -> Result<SharedMemory> {
        let store = store.as_context_mut().opaque();
        check(store.engine(), &ty)?;
        let pool = MemoryPool::on_demand();
        let index = MemoryData::create(store, pool, &ty, None)?;
        match store.memory(index) {
            MemoryData::Shared(memory) => Ok(SharedMemory(memory.clone())),
            MemoryData::Own(_) => unreachable!("its type is shared"),
        }
    }

    pub(crate) fn from_data(data: Arc<SharedMemoryData>) -> SharedMemory {
        SharedMemory(data)
    }

    pub(crate) fn data_of(&self) -> &Arc<SharedMemoryData> {
        &self.0
    }

    /// Its declared type.
    pub fn ty(&self) -> MemoryType {
        self.0.ty().clone()
    }

    /// Its size in pages. It may be more already when this returns.
    pub fn size(&self) -> u64 {
        self.0.pages()
    }

    /// Bytes in one of its pages.
    pub fn page_size(&self) -> u64 {
        self.0.ty().page_size()
    }

    /// Its size in bytes. It may be more already when this returns.
    pub fn data_size(&self) -> usize {
        self.0.len()
    }

    /// Fills `buffer` from the bytes at `offset`, reading each once: what guests change during the copy arrives or does
    /// not, byte by byte. So check what was copied, and not the memory.
    ///
    /// # Errors
    ///
    /// When they are not all within the memory; then nothing is read.
    pub fn read(&self, offset: usize, buffer: &mut [u8]) -> Result<(), MemoryAccessError> {
        self.0.read(offset, buffer).ok_or(MemoryAccessError::new())
    }

    /// Writes `buffer` to the bytes at `offset`. Others may see a part of it before all is there.
    ///
    /// # Errors
    ///
    /// When they are not all within the memory; then nothing is written.
    pub fn write(&self, offset: usize, buffer: &[u8]) -> Result<(), MemoryAccessError> {
        self.0.write(offset, buffer).ok_or(MemoryAccessError::new())
    }

    /// Its bytes, as many as it has now; they never move.
    ///
    /// Reading and writing them takes unsafe code that answers for data races: guests may use the same bytes at the same
    /// time. `AtomicU8::from_ptr` and its kin are the way to do it.
    pub fn data(&self) -> &[UnsafeCell<u8>] {
        self.0.cells()
    }

    /// Adds `delta` pages and returns the size before. All who use it can use the new pages at once.
    ///
    /// No store's limiter is asked, as no store takes part.
    ///
    /// # Errors
    ///
    /// When its maximum or the system refuses; then it is as it was.
    pub fn grow(&self, delta: u64) -> Result<u64> {
        self.0.grow(delta)
    }

    /// As [`grow`](Self::grow), if the limiter of `store` allows it, which is asked as if a guest of the store grew the
    /// memory: for host functions that do that for a guest.
    ///
    /// # Errors
    ///
    /// When its maximum, the limiter or the system refuses; then it is as it was.
    pub fn grow_in(&self, mut store: impl AsContextMut, delta: u64) -> Result<u64> {
        let store = store.as_context_mut().opaque();
        MemoryData::grow_shared(store, &self.0, delta)?
            .ok_or_else(|| Error::resource(format!("failed to grow memory by `{delta}`")))
    }

    /// `memory.atomic.notify`: wakes up to `count` threads that wait for the value at byte `addr`, in the order in which
    /// they came; returns how many.
    ///
    /// # Errors
    ///
    /// When `addr` is no multiple of 4, or out of bounds.
    pub fn atomic_notify(&self, addr: u64, count: u32) -> Result<u32, Trap> {
        self.0.notify(addr, count)
    }

    /// `memory.atomic.wait32`: if the 32 bits at byte `addr` are `expected`, waits to be notified, at most for `timeout`.
    ///
    /// # Errors
    ///
    /// When `addr` is no multiple of 4, or out of bounds.
    pub fn atomic_wait32(
        &self,
        addr: u64,
        expected: u32,
        timeout: Option<Duration>,
    ) -> Result<WaitResult, Trap> {
        self.0.wait32(addr, expected, timeout, None)
    }

    /// `memory.atomic.wait64`, likewise.
    ///
    /// # Errors
    ///
    /// When `addr` is no multiple of 8, or out of bounds.
    pub fn atomic_wait64(
        &self,
        addr: u64,
        expected: u64,
        timeout: Option<Duration>,
    ) -> Result<WaitResult, Trap> {
        self.0.wait64(addr, expected, timeout, None)
    }
}

impl fmt::Debug for SharedMemory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SharedMemory")
            .field("ty", &self.ty().to_string())
            .field("size", &self.size())
            .finish()
    }
}
