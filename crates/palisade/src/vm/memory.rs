//! Linear memories.
//!
//! A memory is a reservation of all that a 32-bit index can reach, between two guard regions, so that compiled code
//! needs no bounds check for most accesses. Growth makes more of it accessible; the base never moves.

use super::store::StoreOpaque;
use crate::error::{Error, Result};
use palisade_environ::{MemoryType, VmMemory};
use palisade_sys::{MemoryImage, Reservation};
use std::sync::Mutex;

/// Bytes that a 32-bit index can reach.
const INDEX_RANGE: usize = 1 << 32;

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

/// A reservation for a memory of which the first `minimum` bytes are accessible and zero.
fn reserve(minimum: usize) -> std::io::Result<Reservation> {
    let spare = SPARE.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).pop();
    if let Some(mut spare) = spare
        && spare.reuse(minimum).is_ok()
    {
        return Ok(spare);
    }
    let mut reservation = Reservation::new(GUARD_BEFORE, INDEX_RANGE, GUARD_AFTER)?;
    reservation.commit(minimum)?;
    Ok(reservation)
}

impl Drop for MemoryData {
    fn drop(&mut self) {
        let Some(reservation) = self.reservation.take().filter(Reservation::is_reusable) else {
            return;
        };
        let mut spare = SPARE.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        if spare.len() < SPARE_MAXIMUM {
            spare.push(reservation);
        }
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
        let too_large =
            || Error::resource(format!("memory of {} pages is too large", ty.minimum()));
        let minimum = ty.minimum().checked_mul(ty.page_size()).ok_or_else(too_large)?;
        let minimum = usize::try_from(minimum).map_err(|_| too_large())?;
        let maximum = ty.maximum().map(|pages| pages.saturating_mul(ty.page_size()) as usize);
        if let Some(false) =
            store.limit(|limiter| limiter.memory_growing(0, minimum, maximum)).transpose()?
        {
            return Err(Error::resource(format!(
                "memory minimum size of {} pages exceeds memory limits",
                ty.minimum()
            )));
        }
        let failed =
            |e| Error::resource(format!("cannot reserve a memory of {minimum} bytes: {e}"));
        let mut reservation = reserve(minimum).map_err(failed)?;
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
        self.vm.len as u64 / self.ty.page_size()
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
        let maximum = memory.ty.maximum().map(|pages| pages.saturating_mul(page) as usize);
        if delta == 0 {
            return Ok(Some(old));
        }
        let wanted = old.checked_add(delta).and_then(|pages| pages.checked_mul(page));
        let Some(new_bytes) = wanted.filter(|bytes| *bytes <= limit * page) else {
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
