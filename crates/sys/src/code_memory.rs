//! Memory for machine code: one memory file mapped twice.
//!
//! Code is written through a view that is writable and not executable, and runs in a view that is executable and not
//! writable; the first exists only until [`CodeMemory::publish`]. No address is ever both.

use crate::image::memory_file;
use crate::round_up_to_page;
use std::io;
use std::os::fd::AsRawFd;
use std::ptr::NonNull;

/// Pages of code. Executable after [`Self::publish`].
#[derive(Debug)]
pub struct CodeMemory {
    writable: Option<NonNull<u8>>,
    executable: NonNull<u8>,
    len: usize,
}

// SAFETY: the mappings belong to this value alone, and addresses are valid on every thread.
unsafe impl Send for CodeMemory {}
// SAFETY: shared access only reads the fields.
unsafe impl Sync for CodeMemory {}

impl CodeMemory {
    /// Memory for `len` bytes, rounded up to whole pages, zeroed.
    ///
    /// # Errors
    ///
    /// When the system has no memory, or forbids executable mappings.
    pub fn new(len: usize) -> io::Result<CodeMemory> {
        let len = round_up_to_page(len.max(1)).ok_or(io::ErrorKind::OutOfMemory)?;
        let file = memory_file(c"palisade-code")?;
        file.set_len(len as u64)?;
        let map = |protection| {
            // SAFETY: a new mapping at an address of the kernel's choice touches no existing memory.
            let start = unsafe {
                libc::mmap(
                    std::ptr::null_mut(),
                    len,
                    protection,
                    libc::MAP_SHARED,
                    file.as_raw_fd(),
                    0,
                )
            };
            if start == libc::MAP_FAILED {
                return Err(io::Error::last_os_error());
            }
            Ok(NonNull::new(start.cast::<u8>()).expect("the kernel does not map address 0"))
        };
        let executable = map(libc::PROT_READ | libc::PROT_EXEC)?;
        let mut memory = CodeMemory { writable: None, executable, len };
        memory.writable = Some(map(libc::PROT_READ | libc::PROT_WRITE)?);
        Ok(memory)
    }

    /// Where code is written; `None` once published.
    pub fn writable(&self) -> Option<*mut u8> {
        self.writable.map(NonNull::as_ptr)
    }

    /// Where code runs.
    pub fn executable(&self) -> *const u8 {
        self.executable.as_ptr()
    }

    /// Bytes of memory.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there is no memory; never.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Ends writing and makes what was written visible to instruction fetch on every core.
    ///
    /// # Errors
    ///
    /// When the system cannot synchronise the cores' pipelines.
    pub fn publish(&mut self) -> io::Result<()> {
        self.unmap_writable();
        // SAFETY: the range is the executable view, mapped and readable.
        unsafe {
            wasmtime_internal_jit_icache_coherence::clear_cache(
                self.executable.as_ptr().cast(),
                self.len,
            )?;
        }
        wasmtime_internal_jit_icache_coherence::pipeline_flush_mt()
    }

    fn unmap_writable(&mut self) {
        if let Some(writable) = self.writable.take() {
            // SAFETY: this view is ours; its address was only handed out for writing until publication.
            let rc = unsafe { libc::munmap(writable.as_ptr().cast(), self.len) };
            debug_assert_eq!(rc, 0, "unmapping our own mapping");
        }
    }
}

impl Drop for CodeMemory {
    fn drop(&mut self) {
        self.unmap_writable();
        // SAFETY: the view is ours, and whoever owns this value has stopped running code in it.
        let rc = unsafe { libc::munmap(self.executable.as_ptr().cast(), self.len) };
        debug_assert_eq!(rc, 0, "unmapping our own mapping");
    }
}
