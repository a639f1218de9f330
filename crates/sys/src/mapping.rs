//! Files as memory.

use std::fs::File;
use std::io;
use std::ops::Deref;
use std::os::fd::AsRawFd;
use std::ptr::NonNull;

/// The contents of a file, mapped to be read.
#[derive(Debug)]
pub struct FileMapping {
    start: NonNull<u8>,
    len: usize,
    file: File,
}

// SAFETY: the mapping belongs to this value alone and is only read.
unsafe impl Send for FileMapping {}
// SAFETY: likewise.
unsafe impl Sync for FileMapping {}

impl FileMapping {
    /// Maps the whole of `file`.
    ///
    /// # Errors
    ///
    /// When the system cannot map it, as when it is no regular file.
    ///
    /// # Safety
    ///
    /// The file must keep its length and contents as long as the mapping exists.
    pub unsafe fn new(file: File) -> io::Result<FileMapping> {
        let len = usize::try_from(file.metadata()?.len()).map_err(io::Error::other)?;
        if len == 0 {
            return Ok(FileMapping { start: NonNull::dangling(), len, file });
        }
        // SAFETY: a new mapping at an address of the kernel's choice touches no existing memory.
        let start = unsafe {
            libc::mmap(
                std::ptr::null_mut(),
                len,
                libc::PROT_READ,
                libc::MAP_PRIVATE,
                file.as_raw_fd(),
                0,
            )
        };
        if start == libc::MAP_FAILED {
            return Err(io::Error::last_os_error());
        }
        let start = NonNull::new(start.cast()).expect("the kernel does not map address 0");
        Ok(FileMapping { start, len, file })
    }

    pub(crate) fn file(&self) -> &File {
        &self.file
    }
}

impl Deref for FileMapping {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        // SAFETY: these bytes are mapped as long as `self` lives, and do not change, by the contract of `new`.
        unsafe { std::slice::from_raw_parts(self.start.as_ptr(), self.len) }
    }
}

impl AsRef<[u8]> for FileMapping {
    fn as_ref(&self) -> &[u8] {
        self
    }
}

impl Drop for FileMapping {
    fn drop(&mut self) {
        if self.len > 0 {
            // SAFETY: the mapping is ours, and nobody borrows from it any more.
            let rc = unsafe { libc::munmap(self.start.as_ptr().cast(), self.len) };
            debug_assert_eq!(rc, 0, "unmapping our own mapping");
        }
    }
}
