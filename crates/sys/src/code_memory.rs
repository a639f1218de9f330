//! Memory for machine code: a memory file that is mapped executable, never writable.
//!
//! What is added is collected in a buffer, from [`CodeMemory::extend`] to [`CodeMemory::publish`], which writes it to the
//! file: a system call costs less than a mapping to write through, which every core has to forget again. In front of the
//! code there can be words of data that it reads, which are never executable.

use crate::image::memory_file;
use crate::reservation::reserve;
use crate::{FileMapping, page_size, round_up_to_page};
use std::fs::File;
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::fs::FileExt;
use std::ptr::NonNull;
use std::sync::atomic::AtomicUsize;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Address space for code, of which a prefix is in use, behind words of data.
#[derive(Debug)]
pub struct CodeMemory {
    /// Start of everything: first the data, whole pages of it, then the code.
    start: NonNull<u8>,
    data_bytes: usize,
    /// Words of data, the last of the pages.
    words: usize,
    /// Bytes of address space for code, whole pages.
    capacity: usize,
    used: Mutex<Used>,
}

/// How far the code reaches.
#[derive(Debug)]
struct Used {
    /// Bytes that code was written to.
    len: usize,
    /// Needed to add code; closed when there is no room left.
    file: Option<File>,
    added: Option<Added>,
}

/// What is added, and where in the code.
#[derive(Debug)]
struct Added {
    start: usize,
    bytes: Box<[u8]>,
}

// SAFETY: the mappings belong to this value alone, and addresses are valid on every thread.
unsafe impl Send for CodeMemory {}
// SAFETY: through `&` the fields are read, or changed under a lock, and data words are atomic.
unsafe impl Sync for CodeMemory {}

impl CodeMemory {
    /// Address space for `capacity` bytes of code, rounded up to whole pages, directly behind `words` words of data, which
    /// are zero. Code takes memory only where it is written.
    ///
    /// # Errors
    ///
    /// When the system has no room, or forbids executable mappings.
    pub fn new(words: usize, capacity: usize) -> io::Result<CodeMemory> {
        let capacity = round_up_to_page(capacity.max(1)).ok_or(io::ErrorKind::OutOfMemory)?;
        let data_bytes = words.checked_mul(size_of::<usize>()).and_then(round_up_to_page);
        let data_bytes = data_bytes.ok_or(io::ErrorKind::OutOfMemory)?;
        let total = data_bytes.checked_add(capacity).ok_or(io::ErrorKind::OutOfMemory)?;
        let file = memory_file(c"palisade-code")?;
        file.set_len(capacity as u64)?;
        let start = reserve(total)?;
        let descriptor = file.as_raw_fd();
        let used = Mutex::new(Used { len: 0, file: Some(file), added: None });
        let memory = CodeMemory { start, data_bytes, words, capacity, used };
        if data_bytes > 0 {
            // Opened only now: systems that count what can be written would have counted the code's part too.
            let access = libc::PROT_READ | libc::PROT_WRITE;
            // SAFETY: these pages are of the mapping above, and nothing refers to them yet.
            let rc = unsafe { libc::mprotect(start.as_ptr().cast(), data_bytes, access) };
            if rc != 0 {
                return Err(io::Error::last_os_error());
            }
        }
        // SAFETY: the code's part of the mapping above, which nothing refers to yet, is replaced.
        let code = unsafe {
            libc::mmap(
                memory.executable().cast_mut().cast(),
                capacity,
                libc::PROT_READ | libc::PROT_EXEC,
                libc::MAP_SHARED | libc::MAP_FIXED,
                descriptor,
                0,
            )
        };
        if code == libc::MAP_FAILED {
            return Err(io::Error::last_os_error());
        }
        Ok(memory)
    }

    /// Where code runs.
    pub fn executable(&self) -> *const u8 {
        self.start.as_ptr().wrapping_add(self.data_bytes)
    }

    /// The words of data, of which the last is directly in front of the code.
    pub fn words(&self) -> &[AtomicUsize] {
        let bytes = self.words * size_of::<usize>();
        let first = self.executable().wrapping_sub(bytes).cast::<AtomicUsize>();
        // SAFETY: this part of the mapping is readable and writable for as long as `self` lives, aligned as the code begins
        // on a page, and nobody else refers to it but code, which reads whole words.
        unsafe { std::slice::from_raw_parts(first, self.words) }
    }

    /// Bytes of code there is room for.
    pub fn capacity(&self) -> usize {
        self.capacity
    }

    /// Bytes from the start up to the end of what was added last.
    pub fn len(&self) -> usize {
        self.used().len
    }

    /// Whether nothing was added yet.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Makes room for `len` bytes at the next multiple of `align`, and gives the address at which they are to be written
    /// before [`Self::publish`]. They get into their place only then.
    ///
    /// # Errors
    ///
    /// When there is no room left, or the system has no memory.
    ///
    /// # Panics
    ///
    /// If `align` is no power of two, or what was added before is not published.
    pub fn extend(&self, len: usize, align: usize) -> io::Result<*mut u8> {
        let mut used = self.used();
        assert!(align.is_power_of_two() && used.added.is_none(), "one addition at a time");
        let start = used.len.checked_next_multiple_of(align);
        let fits = |start: &usize| start.checked_add(len).is_some_and(|end| end <= self.capacity);
        let full = || io::Error::other("the room reserved for machine code is used up");
        let start = start.filter(fits).filter(|_| used.file.is_some()).ok_or_else(full)?;
        let added = used.added.insert(Added { start, bytes: vec![0; len].into() });
        Ok(added.bytes.as_mut_ptr())
    }

    /// Ends writing and makes what was written visible to instruction fetch on every core.
    ///
    /// # Errors
    ///
    /// When the system has no memory, or cannot synchronise the cores' pipelines.
    pub fn publish(&self) -> io::Result<()> {
        let mut used = self.used();
        let Some(Added { start, bytes }) = used.added.take() else { return Ok(()) };
        let end = start + bytes.len();
        used.file.as_ref().expect("room was made").write_all_at(&bytes, start as u64)?;
        // SAFETY: the range is of the code, mapped and readable.
        unsafe {
            #[cfg(target_arch = "aarch64")]
            clean_data_cache(self.executable().wrapping_add(start), end - start);
            wasmtime_internal_jit_icache_coherence::clear_cache(
                self.executable().wrapping_add(start).cast(),
                end - start,
            )?;
        }
        wasmtime_internal_jit_icache_coherence::pipeline_flush_mt()?;
        used.len = end;
        if round_up_to_page(end) == Some(self.capacity) {
            used.file = None;
        }
        Ok(())
    }

    /// Adds `len` bytes at `offset` of a file as code, by mapping them, so that they are read when they run. Both the offset
    /// and the end of the code so far must be whole pages, and the rest of the last page is taken too.
    ///
    /// # Errors
    ///
    /// When there is no room left, or the system refuses, as for files of a file system from which nothing is executed.
    ///
    /// # Panics
    ///
    /// If the bytes are not within the file, or what is added is not whole pages from the start.
    pub fn map(&self, mapping: &FileMapping, offset: usize, len: usize) -> io::Result<()> {
        let mut used = self.used();
        let pages = round_up_to_page(len).ok_or(io::ErrorKind::OutOfMemory)?;
        assert!(offset.checked_add(len).is_some_and(|end| end <= mapping.len()));
        assert!(
            used.added.is_none()
                && offset.is_multiple_of(page_size())
                && used.len.is_multiple_of(page_size())
        );
        if pages > self.capacity - used.len {
            return Err(io::Error::other("the room reserved for machine code is used up"));
        }
        // SAFETY: pages of the code's part of the mapping, in which nothing is yet, are replaced.
        let code = unsafe {
            libc::mmap(
                self.executable().wrapping_add(used.len).cast_mut().cast(),
                pages,
                libc::PROT_READ | libc::PROT_EXEC,
                libc::MAP_PRIVATE | libc::MAP_FIXED,
                mapping.file().as_raw_fd(),
                offset as libc::off_t,
            )
        };
        if code == libc::MAP_FAILED {
            return Err(io::Error::last_os_error());
        }
        used.len += pages;
        if used.len == self.capacity {
            used.file = None;
        }
        Ok(())
    }

    fn used(&self) -> MutexGuard<'_, Used> {
        // Nothing panics half way through a change.
        self.used.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Writes what data caches hold of a range to where instruction fetch reads from. The system does so only for pages that
/// become executable, not for more bytes on such a page.
///
/// # Safety
///
/// The range must be mapped and readable.
#[cfg(target_arch = "aarch64")]
unsafe fn clean_data_cache(start: *const u8, len: usize) {
    let cache_type: usize;
    // SAFETY: programs may read this register on Linux.
    unsafe { core::arch::asm!("mrs {}, ctr_el0", out(reg) cache_type, options(nomem, nostack)) };
    // Bits 16 to 19: the smallest line of all data caches, as a power of two of words.
    let line = 4_usize << (cache_type >> 16 & 0xf);
    let first = start as usize / line * line;
    for address in (first..start as usize + len).step_by(line) {
        // SAFETY: by the contract the line is mapped; its contents stay the same.
        unsafe { core::arch::asm!("dc cvau, {}", in(reg) address, options(nostack)) };
    }
    // SAFETY: a barrier.
    unsafe { core::arch::asm!("dsb ish", options(nostack)) };
}

impl Drop for CodeMemory {
    fn drop(&mut self) {
        let total = self.data_bytes + self.capacity;
        // SAFETY: the mapping is ours, and whoever owns this value has stopped running code in it.
        let rc = unsafe { libc::munmap(self.start.as_ptr().cast(), total) };
        debug_assert_eq!(rc, 0, "unmapping our own mapping");
    }
}
