//! Initial contents of memories as copy-on-write mappings.

use crate::{FileMapping, page_size, round_up_to_page};
use std::fs::File;
use std::io::{self, Write};
use std::ops::Range;
use std::os::fd::{AsRawFd, FromRawFd};
use std::sync::Arc;

/// Bytes that can be mapped copy-on-write any number of times.
#[derive(Debug)]
pub struct MemoryImage {
    contents: Contents,
    len: usize,
}

#[derive(Debug)]
enum Contents {
    Own(File),
    /// From this byte of the file on.
    Mapped(Arc<FileMapping>, usize),
}

impl MemoryImage {
    /// An image of `bytes`, followed by zeros up to a whole page.
    ///
    /// # Errors
    ///
    /// When the system has no memory files or no memory.
    pub fn new(bytes: &[u8]) -> io::Result<MemoryImage> {
        let len = round_up_to_page(bytes.len()).ok_or(io::ErrorKind::OutOfMemory)?;
        let mut file = memory_file(c"palisade-data")?;
        file.write_all(bytes)?;
        file.set_len(len as u64)?;
        Ok(MemoryImage { contents: Contents::Own(file), len })
    }

    /// An image of `range` of a file, and what follows up to a whole page, which must be zeros; `None` if the range does not
    /// begin on a page, or the file ends before the page does.
    pub fn of_file(file: &Arc<FileMapping>, range: Range<usize>) -> Option<MemoryImage> {
        let len = round_up_to_page(range.len())?;
        file.get(range.start..range.start.checked_add(len)?)?;
        let contents = Contents::Mapped(file.clone(), range.start);
        range.start.is_multiple_of(page_size()).then_some(MemoryImage { contents, len })
    }

    /// Bytes that a mapping of it covers; whole pages.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether it covers no page.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Maps it privately over `len()` bytes at `address`, readable and writable.
    ///
    /// # Safety
    ///
    /// `address..address + len()` must be pages of one mapping of the caller's into which nobody holds a reference.
    pub(crate) unsafe fn map_at(&self, address: *mut u8) -> io::Result<()> {
        if self.len == 0 {
            return Ok(());
        }
        let (file, offset) = match &self.contents {
            Contents::Own(file) => (file, 0),
            Contents::Mapped(mapping, offset) => (mapping.file(), *offset),
        };
        // SAFETY: by this function's contract the pages replaced are the caller's to replace.
        let mapped = unsafe {
            libc::mmap(
                address.cast(),
                self.len,
                libc::PROT_READ | libc::PROT_WRITE,
                libc::MAP_PRIVATE | libc::MAP_FIXED,
                file.as_raw_fd(),
                offset as libc::off_t,
            )
        };
        if mapped == libc::MAP_FAILED { Err(io::Error::last_os_error()) } else { Ok(()) }
    }
}

/// A new file that lives in memory only.
pub(crate) fn memory_file(name: &std::ffi::CStr) -> io::Result<File> {
    // SAFETY: `name` is a terminated string; the call has no other requirement.
    let fd = unsafe { libc::memfd_create(name.as_ptr(), libc::MFD_CLOEXEC) };
    if fd < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the kernel has just given us this descriptor; nobody else owns it.
    Ok(unsafe { File::from_raw_fd(fd) })
}
