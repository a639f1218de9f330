//! Which pages of private mappings have contents of their own.
//!
//! The kernel tells it in `/proc/self/pagemap`: a page that was never written is absent, or if the mapping is one of a
//! file, still the file's. Since isolation of guests depends on the answer, the file is not believed before it has told a
//! written page from an untouched one, and not in a forked child, where it keeps describing the parent. Without an answer
//! callers do what needs none.

use crate::page_size;
use std::fs::File;
use std::io;
use std::ops::Range;
use std::os::fd::AsRawFd;
use std::os::unix::fs::FileExt;
use std::ptr::NonNull;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};

/// Runs that one call finds at most. A large number takes fewer calls for sparse pages, and more stack.
const RUNS: usize = 128;

/// Pages that are read at a time where the kernel cannot scan: those of 1 MiB, mostly.
const ENTRIES: usize = 256;

/// Bits of an entry of the file, from the kernel's documentation (admin-guide/mm/pagemap).
const ENTRY_PRESENT: u64 = 1 << 63;
const ENTRY_SWAPPED: u64 = 1 << 62;
const ENTRY_FILE: u64 = 1 << 61;

/// `PAGEMAP_SCAN` and its categories, from the same place.
const SCAN: libc::Ioctl = 0xc060_6610_u32 as libc::Ioctl;
const PAGE_IS_FILE: u64 = 1 << 2;
const PAGE_IS_PRESENT: u64 = 1 << 3;
const PAGE_IS_SWAPPED: u64 = 1 << 4;

#[repr(C)]
#[derive(Clone, Copy, Default)]
struct PageRegion {
    start: u64,
    end: u64,
    categories: u64,
}

#[repr(C)]
struct ScanArguments {
    size: u64,
    flags: u64,
    start: u64,
    end: u64,
    walk_end: u64,
    regions: u64,
    regions_len: u64,
    max_pages: u64,
    category_inverted: u64,
    category_mask: u64,
    category_anyof_mask: u64,
    return_mask: u64,
}

const _: () = assert!(size_of::<ScanArguments>() == 0x60, "the size is part of `SCAN`");

/// Calls `visit` with the address range of each run of pages in `range` that have contents of their own, in order, until
/// it gives `false`. All other pages have the contents that their mapping began with.
///
/// # Errors
///
/// When it cannot be found out; `visit` may have been called for some runs by then.
pub(crate) fn for_each_own_run(
    range: Range<usize>,
    visit: &mut dyn FnMut(Range<usize>) -> bool,
) -> io::Result<()> {
    static PAGEMAP: OnceLock<Option<Pagemap>> = OnceLock::new();
    let pagemap = PAGEMAP.get_or_init(|| Pagemap::open().ok());
    pagemap.as_ref().ok_or(io::ErrorKind::Unsupported)?.for_each_own_run(range, visit)
}

struct Pagemap {
    file: File,
    /// Two pages that are wiped in a forked child: the first begins with a 1, the second is never touched.
    canary: NonNull<u8>,
    /// Whether the kernel has `PAGEMAP_SCAN` (6.7 and later).
    can_scan: AtomicBool,
}

// SAFETY: the canary is never unmapped, and after `open` only read, atomically.
unsafe impl Send for Pagemap {}
// SAFETY: likewise.
unsafe impl Sync for Pagemap {}

impl Pagemap {
    /// Opens the file and asks it about pages whose state is known.
    fn open() -> io::Result<Pagemap> {
        let file = File::open("/proc/self/pagemap")?;
        let pagemap = Pagemap { file, canary: canary()?, can_scan: AtomicBool::new(true) };
        let start = pagemap.canary.as_ptr() as usize;
        let written = start..start + page_size();
        for can_scan in [pagemap.can_scan(), false] {
            let mut runs = Vec::new();
            pagemap.each(can_scan, start..start + 2 * page_size(), &mut |run| {
                runs.push(run);
                true
            })?;
            if runs != [written.clone()] {
                return Err(io::ErrorKind::InvalidData.into());
            }
        }
        Ok(pagemap)
    }

    fn for_each_own_run(
        &self,
        range: Range<usize>,
        visit: &mut dyn FnMut(Range<usize>) -> bool,
    ) -> io::Result<()> {
        // SAFETY: the canary is mapped for ever, readable and writable, and used as an atomic only.
        let is_opener = unsafe { AtomicU8::from_ptr(self.canary.as_ptr()) };
        if is_opener.load(Ordering::Relaxed) == 0 {
            return Err(io::ErrorKind::Unsupported.into());
        }
        self.each(self.can_scan.load(Ordering::Relaxed), range, visit)
    }

    fn each(
        &self,
        can_scan: bool,
        range: Range<usize>,
        visit: &mut dyn FnMut(Range<usize>) -> bool,
    ) -> io::Result<()> {
        if can_scan { self.scan(range, visit) } else { self.read(range, visit) }
    }

    fn can_scan(&self) -> bool {
        let start = self.canary.as_ptr() as usize;
        let can = self.scan(start..start + page_size(), &mut |_| true).is_ok();
        self.can_scan.store(can, Ordering::Relaxed);
        can
    }

    fn scan(
        &self,
        range: Range<usize>,
        visit: &mut dyn FnMut(Range<usize>) -> bool,
    ) -> io::Result<()> {
        let mut regions = [PageRegion::default(); RUNS];
        let mut start = range.start;
        while start < range.end {
            let mut arguments = ScanArguments {
                size: size_of::<ScanArguments>() as u64,
                flags: 0,
                start: start as u64,
                end: range.end as u64,
                walk_end: 0,
                regions: regions.as_mut_ptr() as u64,
                regions_len: RUNS as u64,
                max_pages: 0,
                category_inverted: PAGE_IS_FILE,
                category_mask: PAGE_IS_FILE,
                category_anyof_mask: PAGE_IS_PRESENT | PAGE_IS_SWAPPED,
                return_mask: PAGE_IS_PRESENT | PAGE_IS_SWAPPED,
            };
            // SAFETY: the arguments are those of this request; the kernel writes at most `RUNS` regions, and `walk_end`.
            let count = unsafe { libc::ioctl(self.file.as_raw_fd(), SCAN, &raw mut arguments) };
            let count = usize::try_from(count).map_err(|_| io::Error::last_os_error())?;
            for region in &regions[..count] {
                if !visit(region.start as usize..region.end as usize) {
                    return Ok(());
                }
            }
            let end = arguments.walk_end as usize;
            if end <= start {
                return Err(io::ErrorKind::InvalidData.into());
            }
            start = end;
        }
        Ok(())
    }

    fn read(
        &self,
        range: Range<usize>,
        visit: &mut dyn FnMut(Range<usize>) -> bool,
    ) -> io::Result<()> {
        let page = page_size();
        let mut bytes = [0; ENTRIES * 8];
        for start in range.clone().step_by(ENTRIES * page) {
            let count = ENTRIES.min((range.end - start).div_ceil(page));
            let bytes = &mut bytes[..count * 8];
            self.file.read_exact_at(bytes, (start / page * 8) as u64)?;
            let mut at = start;
            let (entries, _) = bytes.as_chunks::<8>();
            for run in entries.chunk_by(|a, b| is_own(*a) == is_own(*b)) {
                let end = at + run.len() * page;
                if is_own(run[0]) && !visit(at..end) {
                    return Ok(());
                }
                at = end;
            }
        }
        Ok(())
    }
}

fn is_own(entry: [u8; 8]) -> bool {
    let entry = u64::from_ne_bytes(entry);
    entry & ENTRY_FILE == 0 && entry & (ENTRY_PRESENT | ENTRY_SWAPPED) != 0
}

fn canary() -> io::Result<NonNull<u8>> {
    let len = 2 * page_size();
    let canary = crate::reservation::reserve(len)?;
    // SAFETY: the whole of a mapping that was just made.
    if unsafe { libc::mprotect(canary.as_ptr().cast(), len, libc::PROT_READ | libc::PROT_WRITE) }
        != 0
    {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: likewise; the advice is about children.
    if unsafe { libc::madvise(canary.as_ptr().cast(), len, libc::MADV_WIPEONFORK) } != 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the first byte of it, which nobody else knows yet.
    unsafe { canary.as_ptr().write(1) };
    Ok(canary)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Some pages of a mapping are written, one is only read: both ways to ask find the same ones.
    #[test]
    fn scanning_and_reading_agree() {
        let pagemap = Pagemap::open().unwrap();
        let page = page_size();
        let count = 3 * ENTRIES;
        let mut reservation = crate::Reservation::new(0, count * page, 0).unwrap();
        reservation.prepare(count * page, None).unwrap();
        let written = |place: usize| place.is_multiple_of(3) || (250..600).contains(&place);
        for place in (0..count).filter(|place| written(*place)) {
            // SAFETY: within what was made accessible.
            unsafe { reservation.base().add(place * page).write(1) };
        }
        let start = reservation.base() as usize;
        for can_scan in [true, false] {
            if can_scan && !pagemap.can_scan() {
                continue;
            }
            let mut own = vec![false; count];
            let visit = &mut |run: Range<usize>| {
                own[(run.start - start) / page..(run.end - start) / page].fill(true);
                true
            };
            pagemap.each(can_scan, start..start + count * page, visit).unwrap();
            assert!((0..count).all(|place| own[place] == written(place)), "scan: {can_scan}");
        }
    }

    /// The file keeps describing the process that has opened it, so a child must not believe it.
    #[test]
    fn a_forked_child_has_no_answer() {
        let page = page_size();
        let mut reservation = crate::Reservation::new(0, page, 0).unwrap();
        reservation.prepare(page, None).unwrap();
        let start = reservation.base() as usize;
        let ask = || for_each_own_run(start..start + page, &mut |_| true);
        ask().unwrap();
        // SAFETY: the child calls nothing that needs another thread's locks.
        let child = unsafe { libc::fork() };
        if child == 0 {
            let refused = ask().is_err();
            // SAFETY: ends the child at once.
            unsafe { libc::_exit(if refused { 7 } else { 1 }) };
        }
        let mut status = 0;
        // SAFETY: waits for our own child.
        assert_eq!(unsafe { libc::waitpid(child, &raw mut status, 0) }, child);
        assert_eq!(libc::WEXITSTATUS(status), 7);
    }
}
