//! Address ranges that are set aside, made accessible from the front, and used again.
//!
//! Invariant of [`Reservation`]: `start..start + total` is one mapping of ours, or several that cover it; only
//! `base..base + committed` of it is accessible; everything else faults. The base never moves. While it is clean, all of
//! it has the contents with which its next user begins: those of its image, and zeros.

use crate::{MemoryImage, page_size, pagemap, round_up_to_page};
use std::io;
use std::ops::Range;
use std::ptr::NonNull;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Pages are compared and restored in such pieces: no supported host has smaller pages.
const PIECE: usize = 4096;

/// Reservations of which more was accessible are not used again: their page tables would occupy too much.
const REUSED_MAXIMUM: usize = 256 << 20;

/// Where at least so much was kept, and its user has changed no more than a quarter, it is given up.
const RECONSIDERED: usize = 64 << 10;

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
    /// Bytes from the base beyond which no page has contents.
    used: usize,
    /// Bytes that the last reset has kept.
    kept: usize,
    /// What is mapped over part of the accessible bytes.
    image: Option<Arc<MemoryImage>>,
    /// See the invariant.
    clean: bool,
    /// Not after huge pages were asked for, which cannot be taken back, nor when the system has refused a change, part of
    /// which it may have made.
    reusable: bool,
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
        Ok(Reservation {
            start,
            total,
            before,
            capacity,
            committed: 0,
            used: 0,
            kept: 0,
            image: None,
            clean: true,
            reusable: true,
        })
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
    /// When `len` exceeds the capacity, or the system refuses; what was accessible still is.
    pub fn commit(&mut self, len: usize) -> io::Result<()> {
        let len = round_up_to_page(len).filter(|len| *len <= self.capacity).ok_or_else(|| {
            io::Error::new(io::ErrorKind::OutOfMemory, "beyond the end of the reservation")
        })?;
        if len > self.committed {
            self.clean = false;
            self.protect(self.committed..len, libc::PROT_READ | libc::PROT_WRITE)?;
            self.committed = len;
        }
        self.used = self.used.max(self.committed);
        Ok(())
    }

    /// Makes exactly the first `len` bytes accessible, in whole pages, with `image` in them and zeros around it, for a new
    /// user. That is cheapest if the user before had the same image.
    ///
    /// # Errors
    ///
    /// When it is neither new nor was [reset](Self::reset), `len` exceeds the capacity, the image exceeds `len`, or the
    /// system refuses. It can only be renewed or dropped then.
    pub fn prepare(&mut self, len: usize, image: Option<&Arc<MemoryImage>>) -> io::Result<()> {
        if !std::mem::replace(&mut self.clean, false) {
            return Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                "not reset after its last use",
            ));
        }
        self.reusable = false;
        if !self.has_image(image) {
            self.remove_image()?;
        }
        let len = round_up_to_page(len).ok_or(io::ErrorKind::OutOfMemory)?;
        if image.is_some_and(|image| image.range().end > len) {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "image exceeds the memory"));
        }
        if len < self.committed {
            self.protect(len..self.committed, libc::PROT_NONE)?;
            self.committed = len;
        }
        self.commit(len)?;
        if let (None, Some(image)) = (&self.image, image) {
            let at = self.base().wrapping_add(image.range().start);
            // SAFETY: the image covers committed pages of this mapping only (checked above), and through `&mut self`
            // nobody holds a reference into them.
            unsafe { image.map_at(at) }?;
            self.image = Some(image.clone());
        }
        self.reusable = true;
        Ok(())
    }

    /// What is mapped over part of it.
    pub fn image(&self) -> Option<&Arc<MemoryImage>> {
        self.image.as_ref()
    }

    /// Whether `image` is what is mapped in it; none, if nothing is.
    pub fn has_image(&self, image: Option<&Arc<MemoryImage>>) -> bool {
        self.image.as_ref().map(Arc::as_ptr) == image.map(Arc::as_ptr)
    }

    /// Gives all bytes back the contents that they had when it was prepared, or zeros. At most `keep` bytes are
    /// [resident](Self::resident) then.
    ///
    /// Pages that were written are restored in place and stay resident, since that is cheaper than faults on fresh ones
    /// (measured: 1 MiB in 60 us, against 900 us for its faults in a virtual machine). Beyond `keep` bytes, and where it
    /// is unknown which were written, the system takes pages back.
    ///
    /// # Errors
    ///
    /// When the system refuses, huge pages were asked for, or more than 256 MiB were accessible. It can only be renewed or
    /// dropped then.
    pub fn reset(&mut self, keep: usize) -> io::Result<()> {
        if !self.reusable || self.used > REUSED_MAXIMUM {
            return Err(io::ErrorKind::Unsupported.into());
        }
        self.clean = false;
        let base = self.base() as usize;
        let keep = keep / page_size() * page_size();
        let (mut kept, mut changed) = (0, 0);
        // Behind the last page that is kept, and whether there are more to be discarded.
        let (mut end_kept, mut more) = (0, false);
        let mut visit = |run: Range<usize>| {
            let run = run.start - base..run.end - base;
            let end = run.end.min(run.start + (keep - kept));
            kept += end - run.start;
            changed += self.restore(run.start..end.min(self.committed));
            (end_kept, more) = (end, end < run.end);
            !more
        };
        let known = match keep {
            0 => Err(io::ErrorKind::Unsupported.into()),
            _ => pagemap::for_each_own_run(base..base + self.used, &mut visit),
        };
        if known.is_err() || (kept >= RECONSIDERED && changed < kept / 4) {
            (kept, end_kept, more) = (0, 0, true);
        }
        if more {
            self.discard(end_kept..self.used)?;
        }
        (self.used, self.kept, self.clean) = (end_kept, kept, true);
        Ok(())
    }

    /// Bytes of its own that may be resident after it was reset.
    pub fn resident(&self) -> usize {
        self.kept
    }

    /// Gives the accessible pages of `range` their initial contents back, and returns the bytes of those that differed.
    fn restore(&self, range: Range<usize>) -> usize {
        const ZEROS: [u8; PIECE] = [0; PIECE];
        let image = self.image.as_ref().map_or(0..0, |image| image.range());
        let mut changed = 0;
        for piece in range.step_by(PIECE) {
            let initial = match &self.image {
                Some(of) if image.contains(&piece) => {
                    of.bytes()[piece - image.start..].first_chunk().expect("whole pages")
                }
                _ => &ZEROS,
            };
            let place = self.base().wrapping_add(piece).cast::<[u8; PIECE]>();
            // SAFETY: within the committed bytes, which are whole pages and so whole pieces; whoever resets the reservation
            // has it by `&mut`, so nobody else uses them.
            let place = unsafe { &mut *place };
            if place != initial {
                *place = *initial;
                changed += PIECE;
            }
        }
        changed
    }

    /// Gives up the contents of whole pages: they have those of the image, or zeros, when they are next accessed.
    fn discard(&mut self, range: Range<usize>) -> io::Result<()> {
        if range.is_empty() {
            return Ok(());
        }
        let start = self.base().wrapping_add(range.start);
        // SAFETY: inside this mapping; through `&mut self` nobody holds a reference into it.
        let rc = unsafe { libc::madvise(start.cast(), range.len(), libc::MADV_DONTNEED) };
        // It fails for locked pages, which keep their contents.
        if rc == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
    }

    fn protect(&mut self, range: Range<usize>, protection: i32) -> io::Result<()> {
        assert!(range.end <= self.capacity);
        let start = self.base().wrapping_add(range.start);
        // SAFETY: inside this mapping; where access ends, nobody holds a reference through `&mut self`.
        let rc = unsafe { libc::mprotect(start.cast(), range.len(), protection) };
        if rc != 0 {
            self.reusable = false;
            return Err(io::Error::last_os_error());
        }
        Ok(())
    }

    /// Maps zeros where the image is.
    fn remove_image(&mut self) -> io::Result<()> {
        let Some(image) = &self.image else { return Ok(()) };
        let range = image.range();
        let access = libc::PROT_READ | libc::PROT_WRITE;
        // SAFETY: the image covers committed pages of this mapping only, and through `&mut self` nobody holds a reference
        // into them.
        unsafe { map_anonymous(self.base().wrapping_add(range.start), range.len(), access) }?;
        self.image = None;
        Ok(())
    }

    /// Makes it as new: nothing is accessible, nothing resident, and there is no image.
    ///
    /// # Errors
    ///
    /// When the system refuses. It must not be used again then.
    pub fn renew(&mut self) -> io::Result<()> {
        self.clean = false;
        // SAFETY: the whole mapping is ours, and through `&mut self` nobody holds a reference into it.
        unsafe { map_anonymous(self.start.as_ptr(), self.total, libc::PROT_NONE) }?;
        (self.committed, self.used, self.kept, self.image) = (0, 0, 0, None);
        (self.clean, self.reusable) = (true, true);
        Ok(())
    }

    /// Asks for huge pages in the accessible bytes from `offset` on. Only advice: failure is ignored.
    pub fn advise_huge_pages(&mut self, offset: usize) {
        let offset = offset.min(self.committed) / page_size() * page_size();
        let start = self.base().wrapping_add(offset);
        self.reusable = false;
        // SAFETY: the range is inside this mapping; the advice does not change its contents.
        unsafe {
            libc::madvise(start.cast(), self.committed - offset, libc::MADV_HUGEPAGE);
        }
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
    // SAFETY: a new mapping at an address of the kernel's choice touches no existing memory.
    let start = unsafe { mmap_anonymous(std::ptr::null_mut(), bytes, libc::PROT_NONE, 0) }?;
    Ok(NonNull::new(start).expect("the kernel does not map address 0"))
}

/// Puts a new anonymous mapping in the place of what is mapped.
///
/// # Safety
///
/// `start..start + len` must be pages of the caller's into which nobody holds a reference.
unsafe fn map_anonymous(start: *mut u8, len: usize, protection: i32) -> io::Result<()> {
    // SAFETY: by this function's contract the pages are the caller's to replace.
    unsafe { mmap_anonymous(start, len, protection, libc::MAP_FIXED) }.map(drop)
}

/// Memory that the system does not count before it is used.
///
/// # Safety
///
/// As for `mmap`: with `MAP_FIXED` the pages must be the caller's to replace.
unsafe fn mmap_anonymous(
    start: *mut u8,
    len: usize,
    protection: i32,
    fixed: i32,
) -> io::Result<*mut u8> {
    let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE | fixed;
    // SAFETY: by this function's contract.
    let start = unsafe { libc::mmap(start.cast(), len, protection, flags, -1, 0) };
    if start == libc::MAP_FAILED { Err(io::Error::last_os_error()) } else { Ok(start.cast()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LEN: usize = 1 << 20;

    fn bytes(reservation: &mut Reservation) -> &mut [u8] {
        // SAFETY: these bytes are accessible, and borrowed with the reservation.
        unsafe { std::slice::from_raw_parts_mut(reservation.base(), reservation.committed()) }
    }

    /// Whatever may stay resident, and whatever was written, a reset reservation is as it was.
    #[test]
    fn resetting_restores_everything() {
        let data: Vec<u8> = (0..300_000).map(|i| (i % 251) as u8 + 1).collect();
        let image = Arc::new(MemoryImage::new(70_001, &data).unwrap());
        let mut initial = vec![0; LEN];
        initial[70_001..][..data.len()].copy_from_slice(&data);
        let mut reservation = Reservation::new(4096, 2 * LEN, 4096).unwrap();
        for (keep, step) in
            [(0, 1), (LEN, 4096), (LEN, 8192), (100_000, 4096), (4096, 1), (LEN, 300_000)]
        {
            for grown in [LEN, 2 * LEN] {
                reservation.prepare(LEN, Some(&image)).unwrap();
                assert!(*bytes(&mut reservation) == initial[..]);
                reservation.commit(grown).unwrap();
                assert!(bytes(&mut reservation)[LEN..].iter().all(|byte| *byte == 0));
                bytes(&mut reservation).iter_mut().step_by(step).for_each(|byte| *byte ^= 0xff);
                reservation.reset(keep).unwrap();
                assert!(reservation.resident() <= keep);
            }
        }
    }

    #[test]
    fn what_was_not_reset_is_not_used_again() {
        let mut reservation = Reservation::new(0, LEN, 0).unwrap();
        reservation.prepare(4096, None).unwrap();
        bytes(&mut reservation)[5] = 1;
        reservation.prepare(4096, None).unwrap_err();
        reservation.renew().unwrap();
        reservation.prepare(4096, None).unwrap();
        assert_eq!(bytes(&mut reservation)[5], 0);
        reservation.advise_huge_pages(0);
        reservation.reset(LEN).unwrap_err();
    }

    /// Pages that their last users have not changed are given up, as nobody seems to need them.
    #[test]
    fn what_nobody_changes_does_not_stay() {
        let mut reservation = Reservation::new(0, LEN, 0).unwrap();
        reservation.prepare(LEN, None).unwrap();
        bytes(&mut reservation).fill(1);
        reservation.reset(LEN).unwrap();
        assert_eq!(reservation.resident(), LEN);
        reservation.prepare(LEN, None).unwrap();
        bytes(&mut reservation)[0] = 1;
        reservation.reset(LEN).unwrap();
        assert_eq!(reservation.resident(), 0);
        reservation.prepare(LEN, None).unwrap();
        assert!(bytes(&mut reservation).iter().all(|byte| *byte == 0));
    }

    /// The system does not take locked pages back.
    #[test]
    fn locked_pages_keep_nothing() {
        let mut reservation = Reservation::new(0, LEN, 0).unwrap();
        reservation.prepare(16384, None).unwrap();
        bytes(&mut reservation).fill(1);
        // SAFETY: pages of the reservation.
        if unsafe { libc::mlock(reservation.base().cast(), 16384) } != 0 {
            return;
        }
        reservation.reset(0).unwrap_err();
        reservation.renew().unwrap();
        reservation.prepare(16384, None).unwrap();
        assert!(bytes(&mut reservation).iter().all(|byte| *byte == 0));
    }
}
