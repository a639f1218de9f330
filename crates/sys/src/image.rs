//! Initial contents of memories as copy-on-write mappings.

use crate::{FileMapping, page_size, round_up_to_page};
use std::fs::File;
use std::io::{self, Write};
use std::ops::Range;
use std::os::fd::{AsRawFd, FromRawFd};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Images with files of their own. They take no more than a part of the descriptors that the process may have.
static OWN_FILES: AtomicU64 = AtomicU64::new(0);
const DESCRIPTORS_PART: u64 = 8;

/// Bytes that can be mapped copy-on-write any number of times, at one place of memories.
#[derive(Debug)]
pub struct MemoryImage {
    file: Arc<FileMapping>,
    /// Where in the file they begin; on a page.
    offset: usize,
    /// Where in a memory they go; whole pages.
    range: Range<usize>,
    /// There is one if the file was made for it.
    _own: Option<OwnFile>,
}

impl MemoryImage {
    /// An image of `bytes` for byte `start` of memories, with zeros around them up to whole pages.
    ///
    /// # Errors
    ///
    /// When the system has no memory files or no memory, or images take many of the process's descriptors already.
    pub fn new(start: usize, bytes: &[u8]) -> io::Result<MemoryImage> {
        let lead = start % page_size();
        let end = start.checked_add(bytes.len()).and_then(round_up_to_page);
        let range = start - lead..end.ok_or(io::ErrorKind::OutOfMemory)?;
        let own = OwnFile::new()?;
        let mut file = memory_file(c"palisade-data")?;
        file.set_len(range.len() as u64)?;
        io::Seek::seek(&mut file, io::SeekFrom::Start(lead as u64))?;
        file.write_all(bytes)?;
        // SAFETY: nobody else has the file, and nobody writes to it from now on.
        let file = unsafe { FileMapping::new(file) }?;
        Ok(MemoryImage { file: Arc::new(file), offset: 0, range, _own: Some(own) })
    }

    /// An image of `range` of a file for the first bytes of memories, and of what follows up to a whole page, which must be
    /// zeros; `None` if the range does not begin on a page, or the file ends before the page does.
    pub fn of_file(file: &Arc<FileMapping>, range: Range<usize>) -> Option<MemoryImage> {
        let len = round_up_to_page(range.len())?;
        file.get(range.start..range.start.checked_add(len)?)?;
        let image =
            MemoryImage { file: file.clone(), offset: range.start, range: 0..len, _own: None };
        range.start.is_multiple_of(page_size()).then_some(image)
    }

    /// The bytes of a memory that it is mapped over; whole pages.
    pub fn range(&self) -> Range<usize> {
        self.range.clone()
    }

    /// What these bytes are.
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.file[self.offset..][..self.range.len()]
    }

    /// Maps it privately over the bytes at `address`, as many as its range has, readable and writable.
    ///
    /// # Safety
    ///
    /// They must be pages of the caller's into which nobody holds a reference.
    pub(crate) unsafe fn map_at(&self, address: *mut u8) -> io::Result<()> {
        if self.range.is_empty() {
            return Ok(());
        }
        // SAFETY: by this function's contract the pages replaced are the caller's to replace.
        let mapped = unsafe {
            libc::mmap(
                address.cast(),
                self.range.len(),
                libc::PROT_READ | libc::PROT_WRITE,
                libc::MAP_PRIVATE | libc::MAP_FIXED,
                self.file.file().as_raw_fd(),
                self.offset as libc::off_t,
            )
        };
        if mapped == libc::MAP_FAILED { Err(io::Error::last_os_error()) } else { Ok(()) }
    }
}

/// One of `OWN_FILES`.
#[derive(Debug)]
struct OwnFile;

impl OwnFile {
    fn new() -> io::Result<OwnFile> {
        let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
        // SAFETY: the kernel writes the limit.
        unsafe { libc::getrlimit(libc::RLIMIT_NOFILE, &raw mut limit) };
        let count = OWN_FILES.fetch_add(1, Ordering::Relaxed);
        let own = OwnFile;
        match count < limit.rlim_cur / DESCRIPTORS_PART {
            true => Ok(own),
            false => Err(io::ErrorKind::QuotaExceeded.into()),
        }
    }
}

impl Drop for OwnFile {
    fn drop(&mut self) {
        OWN_FILES.fetch_sub(1, Ordering::Relaxed);
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
