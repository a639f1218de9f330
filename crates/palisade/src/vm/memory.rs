//! Linear memories.
//!
//! A memory is a reservation of address space between two guard regions. Growth makes more of it accessible; the base
//! never moves, so what is not reserved at first is never had. For a 32-bit memory that is all that its indices can
//! reach, and compiled code needs no bounds check for most accesses; for others it is their maximum, or if that is more
//! than can be, as much as is reasonable. What differs for memories that several stores use is in `shared_memory.rs`.

use super::shared_memory::{SharedMemoryData, WaitResult, check_atomic};
use super::store::StoreOpaque;
use crate::error::{Error, Result};
use palisade_environ::{MemoryType, Trap, VmMemory};
use palisade_sys::{MemoryImage, Reservation};
use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// Address space that all memories of the process may take before new ones are given no more than they must have: half
/// of what a process has on x86-64, so that the rest of the process always finds room.
const ADDRESS_SPACE: u64 = 1 << 46;

/// A memory that could use more takes up to this part of what is left of `ADDRESS_SPACE`, so that a thousand of them can
/// live together.
const ADDRESS_SPACE_PART: u64 = 64;

/// What every memory is given if it can use it; as much as 32-bit memories always have.
const MODEST_RESERVATION: u64 = 1 << 32;

/// Guard region behind a memory: accesses whose constant offset and size stay within it need no check.
const GUARD_AFTER: usize = palisade_compile::MEMORY_GUARD_BYTES as usize;

/// Guard region before a memory. Nothing should ever reach it: it is there against wrong sign extensions.
const GUARD_BEFORE: usize = palisade_compile::MEMORY_GUARD_BYTES as usize;

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

/// The address space of a memory. Goes back to the spare reservations when it is dropped.
pub(super) struct Space(Option<Reservation>);

/// Reservations that memories have left behind, to be used again; at most `SPARE_MAXIMUM`.
static SPARE: Mutex<Vec<Reservation>> = Mutex::new(Vec::new());

/// Enough for the memories of a few stores that come and go on each core; each holds at most 1 MiB resident.
const SPARE_MAXIMUM: usize = 16;

/// A reservation for a memory of type `ty`, of which the first `minimum` bytes are accessible and zero. `usual` is what
/// the engine's configuration reserves for memories that could use more.
fn reserve(ty: &MemoryType, minimum: usize, usual: u64) -> io::Result<Reservation> {
    let required = palisade_compile::required_reservation(ty);
    if required > 0 {
        return reserve_exactly(required as usize, minimum);
    }
    let left = ADDRESS_SPACE.saturating_sub(Reservation::total_bytes());
    let reasonable = usual.min(left / ADDRESS_SPACE_PART).max(MODEST_RESERVATION);
    let mut wanted = ty.limit_bytes().min(reasonable).max(minimum as u64) as usize;
    loop {
        match reserve_exactly(wanted, minimum) {
            // The system may have less address space to give than most.
            Err(_) if wanted > minimum => wanted = (wanted / 4).max(minimum),
            result => return result,
        }
    }
}

/// A reservation of `capacity` bytes between guard regions: a spare one if there is one of this capacity.
fn reserve_exactly(capacity: usize, minimum: usize) -> io::Result<Reservation> {
    if let Some(mut spare) = take_spare(capacity)
        && spare.reuse(minimum).is_ok()
    {
        return Ok(spare);
    }
    let mut reservation = Reservation::new(GUARD_BEFORE, capacity, GUARD_AFTER)?;
    reservation.commit(minimum)?;
    Ok(reservation)
}

fn take_spare(capacity: usize) -> Option<Reservation> {
    let mut spare = SPARE.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
    let place = spare.iter().rposition(|reservation| reservation.capacity() == capacity)?;
    Some(spare.remove(place))
}

impl Drop for Space {
    fn drop(&mut self) {
        let Some(reservation) = self.0.take().filter(Reservation::is_reusable) else {
            return;
        };
        let mut spare = SPARE.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        // The oldest makes room: it may be of a capacity that nobody wants any more.
        let oldest = (spare.len() == SPARE_MAXIMUM).then(|| spare.remove(0));
        spare.push(reservation);
        drop(spare);
        drop(oldest);
    }
}

impl Space {
    /// Space for a memory of type `ty` with its minimum accessible, and its first bytes those of `image`.
    pub(super) fn allocate(
        ty: &MemoryType,
        usual: u64,
        image: Option<&MemoryImage>,
    ) -> Result<(VmMemory, Space)> {
        let minimum = usize::try_from(ty.minimum_bytes()).unwrap_or(usize::MAX);
        let failed =
            |e| Error::resource(format!("cannot reserve a memory of {} pages: {e}", ty.minimum()));
        let mut reservation = reserve(ty, minimum, usual).map_err(failed)?;
        if let Some(image) = image {
            reservation.map_image(image).map_err(failed)?;
        }
        if minimum >= HUGE_MINIMUM {
            reservation.advise_huge_pages(0);
        }
        let vm = VmMemory { base: reservation.base(), len: AtomicUsize::new(minimum) };
        Ok((vm, Space(Some(reservation))))
    }

    /// Makes the first `new` bytes of `vm`, which has this space, accessible, then lets everybody know.
    pub(super) fn grow(&mut self, vm: &VmMemory, new: usize) -> io::Result<()> {
        let reservation = self.0.as_mut().expect("taken only by drop");
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
    /// Makes a memory in `store`, with its first bytes those of `image`, and returns its index. A shared memory has no
    /// image.
    pub(crate) fn create(
        store: &mut StoreOpaque,
        ty: &MemoryType,
        image: Option<&MemoryImage>,
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
        let (vm, space) = Space::allocate(ty, usual, image)?;
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
        // The limiter decides about sizes that are true: nobody else grows a shared memory while it is asked.
        let shared = store.memories[index as usize].shared().cloned();
        let mut lock = shared.as_ref().map(|memory| memory.lock());
        let memory = &store.memories[index as usize];
        let (old, old_bytes) = (memory.pages(), memory.len());
        let maximum = maximum_bytes(memory.ty());
        if delta == 0 {
            return Ok(Some(old));
        }
        let Some(new_bytes) = grown(memory.ty(), old_bytes, delta) else {
            let error = Error::resource("memory growth beyond its maximum");
            store.limit(|limiter| limiter.memory_grow_failed(error)).transpose()?;
            return Ok(None);
        };
        let allowed = store.limit(|limiter| limiter.memory_growing(old_bytes, new_bytes, maximum));
        if allowed.transpose()? == Some(false) {
            return Ok(None);
        }
        let result = match (&mut *store.memories[index as usize], &mut lock) {
            (MemoryData::Shared(memory), Some(space)) => space.grow(memory.vm(), new_bytes),
            (MemoryData::Own(OwnMemory { vm, space, .. }), _) => space.grow(vm, new_bytes),
            (MemoryData::Shared(_), None) => unreachable!("locked above"),
        };
        if let Err(error) = result {
            let error = Error::resource(format!("cannot commit {new_bytes} bytes: {error}"));
            store.limit(|limiter| limiter.memory_grow_failed(error)).transpose()?;
            return Ok(None);
        }
        Ok(Some(old))
    }

    /// `memory.atomic.wait32`; `None` as timeout means for ever.
    pub(super) fn wait32(
        &self,
        [index, offset]: [u64; 2],
        expected: u32,
        timeout: Option<Duration>,
    ) -> Result<WaitResult, Trap> {
        let place = check_atomic(index, offset, size_of::<u32>() as u64, self.len())?;
        let memory = self.shared().ok_or(Trap::AtomicWaitNonSharedMemory)?;
        memory.wait32(place, expected, timeout)
    }

    /// `memory.atomic.wait64`, likewise.
    pub(super) fn wait64(
        &self,
        [index, offset]: [u64; 2],
        expected: u64,
        timeout: Option<Duration>,
    ) -> Result<WaitResult, Trap> {
        let place = check_atomic(index, offset, size_of::<u64>() as u64, self.len())?;
        let memory = self.shared().ok_or(Trap::AtomicWaitNonSharedMemory)?;
        memory.wait64(place, expected, timeout)
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
