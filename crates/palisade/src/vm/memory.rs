//! Linear memories.
//!
//! A memory is a reservation of address space between two guard regions. Growth makes more of it accessible; the base
//! never moves, so what is not reserved at first is never had. For a 32-bit memory that is all that its indices can
//! reach, and compiled code needs no bounds check for most accesses; for others it is their maximum, or if that is more
//! than can be, as much as is reasonable (`memory_pool.rs`). What differs for memories that several stores use is in
//! `shared_memory.rs`.

use super::memory_pool::{MemoryPool, ModuleImage};
use super::shared_memory::{SharedMemoryData, WaitResult, check_atomic};
use super::store::{SharedCtx, StoreOpaque};
use crate::error::{Error, Result};
use palisade_environ::{MemoryType, Trap, VmMemory};
use palisade_sys::Reservation;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

/// Memories that begin this large, or grow by `HUGE_GROWTH` at a time, ask for huge pages. Smaller ones would only
/// occupy more than they use.
const HUGE_MINIMUM: usize = 64 << 20;
const HUGE_GROWTH: usize = 2 << 20;

/// A linear memory that a store uses: its own, or one that others use too.
pub(crate) enum MemoryData {
    Own(OwnMemory),
    Shared(Arc<SharedMemoryData>),
}

/// A linear memory of one store.
///
/// Invariant: `vm.base` is the base of what `space` reserves and `vm.len` bytes from there are committed.
pub(crate) struct OwnMemory {
    vm: VmMemory,
    ty: MemoryType,
    space: Space,
}

/// The address space of a memory. Goes back to its pool when it is dropped.
pub(super) struct Space {
    /// There is one until `drop`.
    reservation: Option<Reservation>,
    pool: Arc<MemoryPool>,
    /// Keeps the image that is mapped, so that the pool does not forget it while somebody uses it.
    _image: Option<Arc<ModuleImage>>,
}

impl Drop for Space {
    fn drop(&mut self) {
        self.pool.put(self.reservation.take().expect("taken only here"));
    }
}

impl Space {
    /// Space from `pool` for a memory of type `ty` with its minimum accessible, in it the contents of `image`. `usual` is
    /// what the engine's configuration reserves for memories that could use more.
    pub(super) fn allocate(
        pool: &Arc<MemoryPool>,
        ty: &MemoryType,
        usual: u64,
        image: Option<&Arc<ModuleImage>>,
    ) -> Result<(VmMemory, Space)> {
        let minimum = usize::try_from(ty.minimum_bytes()).unwrap_or(usize::MAX);
        let contents = image.map(|image| image.contents());
        let mut reservation = pool.take(ty, minimum, usual, contents)?;
        if minimum >= HUGE_MINIMUM {
            reservation.advise_huge_pages(0);
        }
        let vm = VmMemory { base: reservation.base(), len: AtomicUsize::new(minimum) };
        let reservation = Some(reservation);
        Ok((vm, Space { reservation, pool: pool.clone(), _image: image.cloned() }))
    }

    /// Makes the first `new` bytes of `vm`, which has this space, accessible, then lets everybody know.
    pub(super) fn grow(&mut self, vm: &VmMemory, new: usize) -> io::Result<()> {
        self.pool.allows(new)?;
        let reservation = self.reservation.as_mut().expect("taken only by drop");
        let old = vm.len.load(Ordering::Relaxed);
        reservation.commit(new)?;
        if new - old >= HUGE_GROWTH {
            reservation.advise_huge_pages(old);
        }
        vm.len.store(new, Ordering::SeqCst);
        Ok(())
    }
}

impl MemoryData {
    /// Makes a memory in `store` with space from `pool` and the contents of `image`, and returns its index. A shared memory
    /// is from no engine's pool and has no image.
    pub(crate) fn create(
        store: &mut StoreOpaque,
        pool: &Arc<MemoryPool>,
        ty: &MemoryType,
        image: Option<&Arc<ModuleImage>>,
    ) -> Result<u32> {
        let count = store.memories.len();
        store.check_count("memory", count, |limiter| limiter.memories())?;
        let minimum = usize::try_from(ty.minimum_bytes()).unwrap_or(usize::MAX);
        let maximum = maximum_bytes(ty);
        if let Some(false) =
            store.limit(|limiter| limiter.memory_growing(0, minimum, maximum)).transpose()?
        {
            return Err(Error::resource(format!(
                "memory minimum size of {} pages exceeds memory limits",
                ty.minimum()
            )));
        }
        let usual = store.engine().config().memory_reservation;
        if ty.is_shared() {
            let memory = Arc::new(SharedMemoryData::new(ty, usual)?);
            return Ok(store.use_shared_memory(&memory));
        }
        let (vm, space) = Space::allocate(pool, ty, usual, image)?;
        store.memories.push(Box::new(MemoryData::Own(OwnMemory { vm, ty: ty.clone(), space })));
        Ok(count as u32)
    }

    /// Its declared type.
    pub(crate) fn ty(&self) -> &MemoryType {
        match self {
            MemoryData::Own(memory) => &memory.ty,
            MemoryData::Shared(memory) => memory.ty(),
        }
    }

    /// What compiled code reads.
    pub(super) fn vm(&self) -> &VmMemory {
        match self {
            MemoryData::Own(memory) => &memory.vm,
            MemoryData::Shared(memory) => memory.vm(),
        }
    }

    /// The memory, if others use it too.
    pub(crate) fn shared(&self) -> Option<&Arc<SharedMemoryData>> {
        match self {
            MemoryData::Own(_) => None,
            MemoryData::Shared(memory) => Some(memory),
        }
    }

    pub(super) fn is_shared(&self) -> bool {
        self.shared().is_some()
    }

    /// Its current size in bytes.
    pub(crate) fn len(&self) -> usize {
        self.vm().len.load(Ordering::SeqCst)
    }

    /// Its current size.
    pub(crate) fn pages(&self) -> u64 {
        self.len() as u64 >> self.ty().page_size_log2()
    }

    /// First byte.
    pub(crate) fn base(&self) -> *mut u8 {
        self.vm().base
    }

    /// Its bytes.
    ///
    /// # Panics
    ///
    /// If it is shared: its bytes change at any time. The public API has no [`Memory`](crate::Memory) for such a one.
    pub(crate) fn bytes(&self) -> &[u8] {
        assert!(!self.is_shared(), "no reference to bytes of a shared memory");
        // SAFETY: by the invariant these bytes are accessible; `&self` is borrowed from the store, so nobody writes
        // or unmaps them while the slice lives.
        unsafe { std::slice::from_raw_parts(self.base(), self.len()) }
    }

    /// Its bytes, to be changed.
    ///
    /// # Panics
    ///
    /// As for [`Self::bytes`].
    pub(crate) fn bytes_mut(&mut self) -> &mut [u8] {
        assert!(!self.is_shared(), "no reference to bytes of a shared memory");
        // SAFETY: as in `bytes`, and `&mut self` is exclusive.
        unsafe { std::slice::from_raw_parts_mut(self.base(), self.len()) }
    }

    /// Adds `delta` pages; the old size in pages, or `None` if that cannot be.
    ///
    /// # Errors
    ///
    /// Only what the store's limiter raises.
    pub(crate) fn grow(store: &mut StoreOpaque, index: u32, delta: u64) -> Result<Option<u64>> {
        let memory = &store.memories[index as usize];
        if let Some(shared) = memory.shared().cloned() {
            return MemoryData::grow_shared(store, &shared, delta);
        }
        let (ty, pages, bytes) = (memory.ty().clone(), memory.pages(), memory.len());
        if delta == 0 {
            return Ok(Some(pages));
        }
        let Some(new_bytes) = allowed(store, &ty, bytes, delta)? else { return Ok(None) };
        let result = match &mut *store.memories[index as usize] {
            MemoryData::Own(OwnMemory { vm, space, .. }) => space.grow(vm, new_bytes),
            MemoryData::Shared(_) => unreachable!("looked at above"),
        };
        Ok(committed(store, new_bytes, result)?.then_some(pages))
    }

    /// As [`Self::grow`], of a memory that the store need not have.
    pub(crate) fn grow_shared(
        store: &mut StoreOpaque,
        memory: &SharedMemoryData,
        delta: u64,
    ) -> Result<Option<u64>> {
        // The limiter decides about sizes that are true: nobody else grows the memory while it is asked.
        let mut space = memory.lock();
        let (pages, bytes) = (memory.pages(), memory.len());
        if delta == 0 {
            return Ok(Some(pages));
        }
        let Some(new_bytes) = allowed(store, memory.ty(), bytes, delta)? else { return Ok(None) };
        let result = space.grow(memory.vm(), new_bytes);
        Ok(committed(store, new_bytes, result)?.then_some(pages))
    }

    /// `memory.atomic.wait32`; `None` as timeout means for ever, or until an interrupt of `store`.
    pub(super) fn wait32(
        &self,
        [index, offset]: [u64; 2],
        expected: u32,
        timeout: Option<Duration>,
        store: &SharedCtx,
    ) -> Result<WaitResult, Trap> {
        let place = check_atomic(index, offset, size_of::<u32>() as u64, self.len())?;
        let memory = self.shared().ok_or(Trap::AtomicWaitNonSharedMemory)?;
        memory.wait32(place, expected, timeout, Some(store))
    }

    /// `memory.atomic.wait64`, likewise.
    pub(super) fn wait64(
        &self,
        [index, offset]: [u64; 2],
        expected: u64,
        timeout: Option<Duration>,
        store: &SharedCtx,
    ) -> Result<WaitResult, Trap> {
        let place = check_atomic(index, offset, size_of::<u64>() as u64, self.len())?;
        let memory = self.shared().ok_or(Trap::AtomicWaitNonSharedMemory)?;
        memory.wait64(place, expected, timeout, Some(store))
    }

    /// `memory.atomic.notify`. Nobody waits for a memory that is not shared.
    pub(super) fn notify(&self, [index, offset]: [u64; 2], count: u32) -> Result<u32, Trap> {
        let place = check_atomic(index, offset, size_of::<u32>() as u64, self.len())?;
        self.shared().map_or(Ok(0), |memory| memory.notify(place, count))
    }
}

impl StoreOpaque {
    /// The place of a shared memory in this store; the same one each time.
    pub(crate) fn use_shared_memory(&mut self, memory: &Arc<SharedMemoryData>) -> u32 {
        let key = Arc::as_ptr(memory) as usize;
        *self.shared_memories.entry(key).or_insert_with(|| {
            self.memories.push(Box::new(MemoryData::Shared(memory.clone())));
            self.memories.len() as u32 - 1
        })
    }
}

/// The size in bytes that a memory may grow to; `None` if it cannot or the store's limiter says no.
fn allowed(
    store: &mut StoreOpaque,
    ty: &MemoryType,
    bytes: usize,
    delta: u64,
) -> Result<Option<usize>> {
    let Some(new_bytes) = grown(ty, bytes, delta) else {
        let error = Error::resource("memory growth beyond its maximum");
        store.limit(|limiter| limiter.memory_grow_failed(error)).transpose()?;
        return Ok(None);
    };
    let maximum = maximum_bytes(ty);
    let allowed = store.limit(|limiter| limiter.memory_growing(bytes, new_bytes, maximum));
    Ok((allowed.transpose()? != Some(false)).then_some(new_bytes))
}

/// Whether the system has given the memory; tells the store's limiter if not.
fn committed<E: std::fmt::Display>(
    store: &mut StoreOpaque,
    bytes: usize,
    result: std::result::Result<(), E>,
) -> Result<bool> {
    let Err(error) = result else { return Ok(true) };
    let error = Error::resource(format!("cannot commit {bytes} bytes: {error}"));
    store.limit(|limiter| limiter.memory_grow_failed(error)).transpose()?;
    Ok(false)
}

/// The size in bytes of a memory of `old` bytes after it has grown by `delta` pages; none if its type forbids that.
pub(super) fn grown(ty: &MemoryType, old: usize, delta: u64) -> Option<usize> {
    let pages = (old as u64 >> ty.page_size_log2()).checked_add(delta);
    let pages = pages.filter(|pages| *pages <= ty.limit_pages())?;
    usize::try_from(pages.checked_mul(ty.page_size())?).ok()
}

/// The declared maximum in bytes, or the largest number if it is larger.
fn maximum_bytes(ty: &MemoryType) -> Option<usize> {
    ty.maximum().map(|_| usize::try_from(ty.limit_bytes()).unwrap_or(usize::MAX))
}
