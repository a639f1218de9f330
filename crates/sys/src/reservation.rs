//! Address ranges that are set aside, and made accessible from the front.
//!
//! Invariant of [`Reservation`]: `start..start + total` is one mapping of ours; only `base..base + committed` of it is
//! accessible; everything else faults. The base never moves.

use crate::{MemoryImage, round_up_to_page};
use std::io;
use std::ptr::NonNull;
use std::sync::atomic::{AtomicU64, Ordering};

/// Reservations of which more was accessible are not reused: clearing them would cost more than new ones.
const REUSABLE_BYTES: usize = 1 << 20;

/// No supported host has smaller pages.
const MIN_PAGE: usize = 4096;

/// Bytes of all reservations that exist.
static TOTAL: AtomicU64 = AtomicU64::new(0);

/// An address range with an accessible prefix between two guard regions.
#[derive(Debug)]
pub struct Reservation {
    start: NonNull<u8>,
    total: usize,
    before: usize,
    capacity: usize,
    committed: usize,
    /// Whether some of it is mapped from an image rather than anonymous.
    has_image: bool,
}

// SAFETY: the mapping belongs to this value alone, and addresses are valid on every thread.
unsafe impl Send for Reservation {}
// SAFETY: shared access only reads the fields.
unsafe impl Sync for Reservation {}

impl Reservation {
    /// Reserves `before` bytes of guard, `capacity` bytes that can be committed, and `after` bytes of guard; each is
    /// rounded up to whole host pages. Nothing is accessible yet.
    ///
    /// # Errors
    ///
    /// When the address space is exhausted, or the sum overflows.
    pub fn new(before: usize, capacity: usize, after: usize) -> io::Result<Reservation> {
        let too_large = || io::Error::new(io::ErrorKind::OutOfMemory, "reservation too large");
        let before = round_up_to_page(before).ok_or_else(too_large)?;
        let capacity = round_up_to_page(capacity).ok_or_else(too_large)?;
        let after = round_up_to_page(after).ok_or_else(too_large)?;
        let total = before
            .checked_add(capacity)
            .and_then(|sum| sum.checked_add(after))
            .filter(|total| *total <= isize::MAX as usize)
            .ok_or_else(too_large)?;
        let total = total.max(crate::page_size());
        let start = reserve(total)?;
        TOTAL.fetch_add(total as u64, Ordering::Relaxed);
        Ok(Reservation { start, total, before, capacity, committed: 0, has_image: false })
    }

    /// Bytes of address space that all reservations of the process take, those of other threads at some recent moment.
    pub fn total_bytes() -> u64 {
        TOTAL.load(Ordering::Relaxed)
    }

    /// First byte that can be committed.
    pub fn base(&self) -> *mut u8 {
        // Within the mapping, by the invariant.
        self.start.as_ptr().wrapping_add(self.before)
    }

    /// Bytes accessible from [`Self::base`]; whole pages.
    pub fn committed(&self) -> usize {
        self.committed
    }

    /// Bytes that can be made accessible at most.
    pub fn capacity(&self) -> usize {
        self.capacity
    }

    /// Makes at least `len` bytes from the base accessible. New bytes are zero. Never shrinks.
    ///
    /// # Errors
    ///
    /// When `len` exceeds the capacity, or the system refuses; then nothing has changed.
    pub fn commit(&mut self, len: usize) -> io::Result<()> {
        let len = round_up_to_page(len).filter(|len| *len <= self.capacity).ok_or_else(|| {
            io::Error::new(io::ErrorKind::OutOfMemory, "beyond the end of the reservation")
        })?;
        if len <= self.committed {
            return Ok(());
        }
        let start = self.base().wrapping_add(self.committed);
        let added = len - self.committed;
        // SAFETY: `start..start + added` lies inside this mapping, beyond all that has been handed out.
        unsafe { region::protect(start, added, region::Protection::READ_WRITE) }
            .map_err(io::Error::other)?;
        self.committed = len;
        Ok(())
    }

    /// Whether [`Self::reuse`] may succeed.
    pub fn is_reusable(&self) -> bool {
        !self.has_image && self.committed <= REUSABLE_BYTES
    }

    /// Makes it as new for a user who needs `len` accessible bytes: those are accessible and zero, the others not. Cheaper
    /// than a new reservation where few pages were used, because those are zeroed in place and stay resident (measured:
    /// 64 KiB in 0.6 us, against 9 us for the fault on one fresh page in a virtual machine).
    ///
    /// # Errors
    ///
    /// When it cannot be reused: it has an image, too much was accessible, or the system refuses. It must be dropped then.
    pub fn reuse(&mut self, len: usize) -> io::Result<()> {
        let len = round_up_to_page(len).ok_or(io::ErrorKind::OutOfMemory)?;
        if !self.is_reusable() || len > self.capacity {
            return Err(io::ErrorKind::Unsupported.into());
        }
        if len < self.committed {
            let excess = self.base().wrapping_add(len);
            // SAFETY: inside this mapping; through `&mut self` nobody holds a reference into it.
            unsafe { region::protect(excess, self.committed - len, region::Protection::NONE) }
                .map_err(io::Error::other)?;
            // SAFETY: likewise; the pages give up their contents, so they are zero when they are made accessible again.
            unsafe { libc::madvise(excess.cast(), self.committed - len, libc::MADV_DONTNEED) };
            self.committed = len;
        }
        self.zero_resident()?;
        self.commit(len)
    }

    /// Makes all accessible bytes zero, without touching pages that have no contents.
    fn zero_resident(&mut self) -> io::Result<()> {
        let page = crate::page_size();
        let mut resident = [0; REUSABLE_BYTES / MIN_PAGE];
        // SAFETY: the range is inside this mapping, and there is a byte for each of its pages: they are no smaller than
        // `MIN_PAGE`, and at most `REUSABLE_BYTES` are committed (checked by the caller).
        let rc =
            unsafe { libc::mincore(self.base().cast(), self.committed, resident.as_mut_ptr()) };
        if rc != 0 {
            return Err(io::Error::last_os_error());
        }
        let mut start = 0;
        for run in resident[..self.committed / page].chunk_by(|a, b| a & 1 == b & 1) {
            let len = run.len() * page;
            let at = self.base().wrapping_add(start);
            if run[0] & 1 != 0 {
                // SAFETY: committed pages of this mapping, into which nobody holds a reference.
                unsafe { at.write_bytes(0, len) };
            } else {
                // A page that is not resident may have contents in swap space.
                // SAFETY: likewise; afterwards the pages read as zero.
                unsafe { libc::madvise(at.cast(), len, libc::MADV_DONTNEED) };
            }
            start += len;
        }
        Ok(())
    }

    /// Asks for huge pages in the accessible bytes from `offset` on. Only advice: failure is ignored.
    pub fn advise_huge_pages(&self, offset: usize) {
        let offset = offset.min(self.committed) / crate::page_size() * crate::page_size();
        let start = self.base().wrapping_add(offset);
        // SAFETY: the range is inside this mapping; the advice does not change its contents.
        unsafe {
            libc::madvise(start.cast(), self.committed - offset, libc::MADV_HUGEPAGE);
        }
    }

    /// Maps `image` copy-on-write over the first bytes, which must be committed and not written yet.
    ///
    /// # Errors
    ///
    /// When the image is longer than what is committed, or the system refuses.
    pub fn map_image(&mut self, image: &MemoryImage) -> io::Result<()> {
        if image.len() > self.committed {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "image exceeds the memory"));
        }
        self.has_image = true;
        // SAFETY: the image covers committed pages of this mapping only (checked above), and through `&mut self`
        // nobody holds a reference into them.
        unsafe { image.map_at(self.base()) }
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        // SAFETY: the whole mapping is ours, and whoever owns this value has stopped using addresses in it.
        let rc = unsafe { libc::munmap(self.start.as_ptr().cast(), self.total) };
        debug_assert_eq!(rc, 0, "unmapping our own mapping");
        TOTAL.fetch_sub(self.total as u64, Ordering::Relaxed);
    }
}

/// `bytes` of address space, neither readable nor writable, that the system does not count as memory.
pub(crate) fn reserve(bytes: usize) -> io::Result<NonNull<u8>> {
    // SAFETY: a new anonymous mapping at an address of the kernel's choice touches no existing memory.
    let start = unsafe {
        libc::mmap(
            std::ptr::null_mut(),
            bytes,
            libc::PROT_NONE,
            libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE,
            -1,
            0,
        )
    };
    if start == libc::MAP_FAILED {
        return Err(io::Error::last_os_error());
    }
    Ok(NonNull::new(start.cast::<u8>()).expect("the kernel does not map address 0"))
}
