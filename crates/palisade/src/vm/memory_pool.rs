//! Reservations of address space that memories have left behind, and the ones that they get.
//!
//! Whoever drops a memory resets its reservation and leaves it here, and the next memory of the same contents needs no
//! system call but those that its size takes: written pages were restored in place and are still resident. The pool of
//! the process makes new reservations as needed. An engine with pooling has a pool of its own with a fixed number of them,
//! its slots.

use super::quota::limit_reached;
use crate::PoolingAllocationConfig;
use crate::error::{Error, Result};
use palisade_environ::MemoryType;
use palisade_sys::{MemoryImage, Reservation};
use std::io;
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError};

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

/// The pool of the process. Enough for a store on each of many threads; what is in use besides is made and released.
const ON_DEMAND: Limits = Limits { keep_resident: 2 << 20, warm: 128, warm_resident: 32 << 20 };

/// What spare reservations may occupy.
struct Limits {
    /// Bytes that may stay resident in each. Restoring 2 MiB takes about 100 us.
    keep_resident: usize,
    /// Warm ones that are kept.
    warm: usize,
    /// Bytes that may be resident in all of the warm ones.
    warm_resident: usize,
}

/// Spare reservations, all of them reset.
pub(crate) struct MemoryPool {
    spare: Mutex<Spare>,
    limits: Limits,
    slots: Option<Slots>,
}

/// What is special about a pool that has all reservations from the start.
struct Slots {
    count: u32,
    /// Bytes that a memory may have.
    max_memory_size: usize,
}

#[derive(Default)]
struct Spare {
    /// With contents of a module, or resident pages. The one that was left last is at the end.
    warm: Vec<Reservation>,
    /// Bytes that may be resident in these.
    resident: usize,
    /// Whether a memory has gone already.
    expects_more: bool,
    /// With neither. Only slots: others are not worth keeping.
    cold: Vec<Reservation>,
}

/// The initial contents of a module's memory. Memories that have them hold this; when it goes, spare reservations do not
/// keep the contents either.
pub(crate) struct ModuleImage {
    contents: Arc<MemoryImage>,
    pool: Arc<MemoryPool>,
}

impl ModuleImage {
    /// For memories with space from `pool`.
    pub(crate) fn new(pool: &Arc<MemoryPool>, contents: MemoryImage) -> ModuleImage {
        ModuleImage { contents: Arc::new(contents), pool: pool.clone() }
    }

    pub(super) fn contents(&self) -> &Arc<MemoryImage> {
        &self.contents
    }
}

impl Drop for ModuleImage {
    fn drop(&mut self) {
        self.pool.forget(&self.contents);
    }
}

impl MemoryPool {
    /// The pool of the process.
    pub(crate) fn on_demand() -> &'static Arc<MemoryPool> {
        static POOL: LazyLock<Arc<MemoryPool>> = LazyLock::new(|| {
            Arc::new(MemoryPool { spare: Mutex::default(), limits: ON_DEMAND, slots: None })
        });
        &POOL
    }

    /// A pool of an engine.
    ///
    /// # Errors
    ///
    /// When there is not as much address space.
    pub(crate) fn with_slots(config: &PoolingAllocationConfig) -> Result<MemoryPool> {
        let capacity = config.max_memory_size.max(MODEST_RESERVATION as usize);
        let slots = Slots { count: config.total_memories, max_memory_size: config.max_memory_size };
        let reserve = |_| Reservation::new(GUARD_BEFORE, capacity, GUARD_AFTER);
        let cold = (0..slots.count).map(reserve).collect::<io::Result<_>>().map_err(|e| {
            Error::resource(format!("cannot reserve {} memories for the pool: {e}", slots.count))
        })?;
        Ok(MemoryPool {
            spare: Mutex::new(Spare { cold, ..Spare::default() }),
            limits: Limits {
                keep_resident: config.linear_memory_keep_resident,
                warm: config.max_unused_warm_slots as usize,
                warm_resident: usize::MAX,
            },
            slots: Some(slots),
        })
    }

    /// A reservation for a memory of type `ty`, of which the first `minimum` bytes are accessible: `contents` and zeros.
    /// `usual` is what the engine's configuration reserves for memories that could use more.
    pub(super) fn take(
        &self,
        ty: &MemoryType,
        minimum: usize,
        usual: u64,
        contents: Option<&Arc<MemoryImage>>,
    ) -> Result<Reservation> {
        let failed =
            |e| Error::resource(format!("cannot reserve a memory of {} pages: {e}", ty.minimum()));
        if let Some(slots) = &self.slots {
            let slot =
                self.take_slot(contents).ok_or_else(|| limit_reached("memories", slots.count))?;
            return self.prepare_slot(slot, minimum, contents).map_err(failed);
        }
        let required = palisade_compile::required_reservation(ty);
        if required > 0 {
            return self.take_exactly(required as usize, minimum, contents).map_err(failed);
        }
        let left = ADDRESS_SPACE.saturating_sub(Reservation::total_bytes());
        let reasonable = usual.min(left / ADDRESS_SPACE_PART).max(MODEST_RESERVATION);
        let mut wanted = ty.limit_bytes().min(reasonable).max(minimum as u64) as usize;
        loop {
            match self.take_exactly(wanted, minimum, contents) {
                // The system may have less address space to give than most.
                Err(_) if wanted > minimum => wanted = (wanted / 4).max(minimum),
                result => return result.map_err(failed),
            }
        }
    }

    /// A reservation of `capacity` bytes between guard regions.
    fn take_exactly(
        &self,
        capacity: usize,
        minimum: usize,
        contents: Option<&Arc<MemoryImage>>,
    ) -> io::Result<Reservation> {
        if let Some(mut spare) = self.take_spare(capacity, contents)
            && spare.prepare(minimum, contents).is_ok()
        {
            return Ok(spare);
        }
        let new = || Reservation::new(GUARD_BEFORE, capacity, GUARD_AFTER);
        // Spare ones may take what is missing.
        let mut reservation = new().or_else(|_| {
            let mut spare = self.lock();
            (spare.warm, spare.resident) = (Vec::new(), 0);
            drop(spare);
            new()
        })?;
        reservation.prepare(minimum, contents)?;
        Ok(reservation)
    }

    /// The spare reservation that needs least to have these contents. Those with others are left for their own modules,
    /// unless there are as many as may be.
    fn take_spare(
        &self,
        capacity: usize,
        contents: Option<&Arc<MemoryImage>>,
    ) -> Option<Reservation> {
        let spare = &mut *self.lock();
        let find = |of: Option<&Arc<MemoryImage>>| {
            spare.warm.iter().rposition(|one| one.capacity() == capacity && one.has_image(of))
        };
        let place = find(contents).or_else(|| find(None)).or_else(|| {
            let is_full = spare.is_full(&self.limits);
            spare.warm.iter().position(|one| is_full && one.capacity() == capacity)
        })?;
        Some(spare.take_warm(place))
    }

    /// The slot that needs least to have these contents, if one is unused.
    fn take_slot(&self, contents: Option<&Arc<MemoryImage>>) -> Option<Reservation> {
        let spare = &mut *self.lock();
        if let Some(place) = spare.warm.iter().rposition(|slot| slot.has_image(contents)) {
            return Some(spare.take_warm(place));
        }
        spare.cold.pop().or_else(|| (!spare.warm.is_empty()).then(|| spare.take_warm(0)))
    }

    fn prepare_slot(
        &self,
        mut slot: Reservation,
        minimum: usize,
        contents: Option<&Arc<MemoryImage>>,
    ) -> io::Result<Reservation> {
        match self.allows(minimum).and_then(|()| slot.prepare(minimum, contents)) {
            Ok(()) => Ok(slot),
            Err(error) => {
                self.put(slot);
                Err(error)
            }
        }
    }

    /// Takes a reservation that no memory uses any more.
    pub(super) fn put(&self, mut reservation: Reservation) {
        if self.slots.is_none() && self.is_not_needed(&reservation) {
            return;
        }
        let reset = reservation.reset(self.limits.keep_resident);
        let is_cold = reservation.resident() == 0 && reservation.has_image(None);
        match reset {
            Ok(()) if self.slots.is_some() && is_cold => self.lock().cold.push(reservation),
            Ok(()) => self.put_warm(reservation),
            Err(_) => self.put_anew(reservation),
        }
    }

    /// Whether the work of resetting it would probably be lost, as it could only replace one that is as good, or is the first
    /// one, which may be the only one: programs that run once should not end with that work.
    fn is_not_needed(&self, reservation: &Reservation) -> bool {
        let mut spare = self.lock();
        if !std::mem::replace(&mut spare.expects_more, true) {
            return true;
        }
        let is_as_good = |oldest: &Reservation| {
            oldest.capacity() == reservation.capacity() && oldest.has_image(reservation.image())
        };
        spare.is_full(&self.limits) && spare.warm.first().is_some_and(is_as_good)
    }

    fn put_warm(&self, reservation: Reservation) {
        let mut spare = self.lock();
        spare.resident += reservation.resident();
        spare.warm.push(reservation);
        // The oldest make room: they may be of a capacity or contents that nobody wants any more.
        let mut oldest = Vec::new();
        while spare.warm.len() > self.limits.warm || spare.resident > self.limits.warm_resident {
            oldest.push(spare.take_warm(0));
        }
        drop(spare);
        oldest.into_iter().for_each(|oldest| self.put_anew(oldest));
    }

    /// Makes a slot as new. If the system refuses that, it refuses the next memory that should have the slot, too.
    fn put_anew(&self, mut reservation: Reservation) {
        if self.slots.is_some() {
            let _ = reservation.renew();
            self.lock().cold.push(reservation);
        }
    }

    /// Whether a memory may have so many bytes.
    pub(super) fn allows(&self, bytes: usize) -> io::Result<()> {
        match &self.slots {
            Some(slots) if bytes > slots.max_memory_size => {
                let message = format!("the limit of memories is {} bytes", slots.max_memory_size);
                Err(io::Error::new(io::ErrorKind::OutOfMemory, message))
            }
            _ => Ok(()),
        }
    }

    /// Gives up reservations with contents that no memory will have again.
    fn forget(&self, contents: &Arc<MemoryImage>) {
        let spare = &mut *self.lock();
        while let Some(place) = spare.warm.iter().position(|one| one.has_image(Some(contents))) {
            let mut reservation = spare.take_warm(place);
            // Under the lock, so that no slot is missing meanwhile.
            if self.slots.is_some() {
                let _ = reservation.renew();
                spare.cold.push(reservation);
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, Spare> {
        self.spare.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Spare {
    /// Whether another one may be too much.
    fn is_full(&self, limits: &Limits) -> bool {
        self.warm.len() >= limits.warm
            || self.resident.saturating_add(limits.keep_resident) > limits.warm_resident
    }

    fn take_warm(&mut self, place: usize) -> Reservation {
        let reservation = self.warm.remove(place);
        self.resident -= reservation.resident();
        reservation
    }
}
