//! Linear memories.
//!
//! A memory is a reservation of address space between two guard regions. Growth makes more of it accessible; the base
//! never moves, so what is not reserved at first is never had. For a 32-bit memory that is all that its indices can
//! reach, and compiled code needs no bounds check for most accesses; for others it is their maximum, or if that is more
//! than can be, as much as is reasonable.

use super::store::StoreOpaque;
use crate::error::{Error, Result};
use palisade_environ::{MemoryType, VmMemory};
use palisade_sys::{MemoryImage, Reservation};
use std::io;
use std::sync::Mutex;

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

/// A linear memory of a store.
///
/// Invariant: `vm.base` is the reservation's base and `vm.len` bytes from there are committed.
#[repr(C)]
pub(crate) struct MemoryData {
    vm: VmMemory,
    ty: MemoryType,
    reservation: Option<Reservation>,
}

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

impl Drop for MemoryData {
    fn drop(&mut self) {
        let Some(reservation) = self.reservation.take().filter(Reservation::is_reusable) else {
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

impl MemoryData {
    /// Makes a memory in `store`, with its first bytes those of `image`, and returns its index.
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
        let failed =
            |e| Error::resource(format!("cannot reserve a memory of {} pages: {e}", ty.minimum()));
        let usual = store.engine().config().memory_reservation;
        let mut reservation = reserve(ty, minimum, usual).map_err(failed)?;
        if let Some(image) = image {
            reservation.map_image(image).map_err(failed)?;
        }
        if minimum >= HUGE_MINIMUM {
            reservation.advise_huge_pages(0);
        }
        let vm = VmMemory { base: reservation.base(), len: minimum };
        store.memories.push(Box::new(MemoryData {
            vm,
            ty: ty.clone(),
            reservation: Some(reservation),
        }));
        Ok(count as u32)
    }

    /// Its declared type.
    pub(crate) fn ty(&self) -> &MemoryType {
        &self.ty
    }

    /// Its current size.
    pub(crate) fn pages(&self) -> u64 {
        self.vm.len as u64 >> self.ty.page_size_log2()
    }

    /// First byte.
    pub(crate) fn base(&self) -> *mut u8 {
        self.vm.base
    }

    /// Its bytes.
    pub(crate) fn bytes(&self) -> &[u8] {
        // SAFETY: by the invariant these bytes are accessible; `&self` is borrowed from the store, so nobody writes
        // or unmaps them while the slice lives.
        unsafe { std::slice::from_raw_parts(self.vm.base, self.vm.len) }
    }

    /// Its bytes, to be changed.
    pub(crate) fn bytes_mut(&mut self) -> &mut [u8] {
        // SAFETY: as in `bytes`, and `&mut self` is exclusive.
        unsafe { std::slice::from_raw_parts_mut(self.vm.base, self.vm.len) }
    }

    /// What compiled code reads.
    pub(super) fn vm(&mut self) -> *mut VmMemory {
        &raw mut self.vm
    }

    /// Adds `delta` pages; the old size in pages, or `None` if that cannot be.
    ///
    /// # Errors
    ///
    /// Only what the store's limiter raises.
    pub(crate) fn grow(store: &mut StoreOpaque, index: u32, delta: u64) -> Result<Option<u64>> {
        let memory = &store.memories[index as usize];
        let (old, page, limit) = (memory.pages(), memory.ty.page_size(), memory.ty.limit_pages());
        let old_bytes = memory.vm.len;
        let maximum = maximum_bytes(&memory.ty);
        if delta == 0 {
            return Ok(Some(old));
        }
        let wanted = old.checked_add(delta).filter(|pages| *pages <= limit);
        let Some(new_bytes) = wanted.and_then(|pages| pages.checked_mul(page)) else {
            let error = Error::resource("memory growth beyond its maximum");
            store.limit(|limiter| limiter.memory_grow_failed(error)).transpose()?;
            return Ok(None);
        };
        let new_bytes = new_bytes as usize;
        let allowed = store.limit(|limiter| limiter.memory_growing(old_bytes, new_bytes, maximum));
        if allowed.transpose()? == Some(false) {
            return Ok(None);
        }
        let memory = &mut store.memories[index as usize];
        let reservation = memory.reservation.as_mut().expect("taken only by drop");
        if let Err(error) = reservation.commit(new_bytes) {
            let error = Error::resource(format!("cannot commit {new_bytes} bytes: {error}"));
            store.limit(|limiter| limiter.memory_grow_failed(error)).transpose()?;
            return Ok(None);
        }
        if new_bytes - old_bytes >= HUGE_GROWTH {
            reservation.advise_huge_pages(old_bytes);
        }
        memory.vm.len = new_bytes;
        Ok(Some(old))
    }
}

/// The declared maximum in bytes, or the largest number if it is larger.
fn maximum_bytes(ty: &MemoryType) -> Option<usize> {
    ty.maximum().map(|_| usize::try_from(ty.limit_bytes()).unwrap_or(usize::MAX))
}
