//! `$rights` of descriptors: what a guest may still do with each.
//!
//! Invariant: the rights of a descriptor only shrink, and those of what is opened through a
//! directory are part of what the directory passes on. So a guest can hand a descriptor to code
//! of its own that it trusts less, having dropped rights before.

use crate::errno::Errno;

pub(crate) const FD_DATASYNC: u64 = 1 << 0;
pub(crate) const FD_READ: u64 = 1 << 1;
pub(crate) const FD_SEEK: u64 = 1 << 2;
pub(crate) const FD_FDSTAT_SET_FLAGS: u64 = 1 << 3;
pub(crate) const FD_SYNC: u64 = 1 << 4;
pub(crate) const FD_TELL: u64 = 1 << 5;
pub(crate) const FD_WRITE: u64 = 1 << 6;
pub(crate) const FD_ADVISE: u64 = 1 << 7;
pub(crate) const FD_ALLOCATE: u64 = 1 << 8;
pub(crate) const PATH_CREATE_DIRECTORY: u64 = 1 << 9;
pub(crate) const PATH_CREATE_FILE: u64 = 1 << 10;
pub(crate) const PATH_LINK_SOURCE: u64 = 1 << 11;
pub(crate) const PATH_LINK_TARGET: u64 = 1 << 12;
pub(crate) const PATH_OPEN: u64 = 1 << 13;
pub(crate) const FD_READDIR: u64 = 1 << 14;
pub(crate) const PATH_READLINK: u64 = 1 << 15;
pub(crate) const PATH_RENAME_SOURCE: u64 = 1 << 16;
pub(crate) const PATH_RENAME_TARGET: u64 = 1 << 17;
pub(crate) const PATH_FILESTAT_GET: u64 = 1 << 18;
pub(crate) const PATH_FILESTAT_SET_SIZE: u64 = 1 << 19;
pub(crate) const PATH_FILESTAT_SET_TIMES: u64 = 1 << 20;
pub(crate) const FD_FILESTAT_GET: u64 = 1 << 21;
pub(crate) const FD_FILESTAT_SET_SIZE: u64 = 1 << 22;
pub(crate) const FD_FILESTAT_SET_TIMES: u64 = 1 << 23;
pub(crate) const PATH_SYMLINK: u64 = 1 << 24;
pub(crate) const PATH_REMOVE_DIRECTORY: u64 = 1 << 25;
pub(crate) const PATH_UNLINK_FILE: u64 = 1 << 26;
pub(crate) const POLL_FD_READWRITE: u64 = 1 << 27;
pub(crate) const SOCK_SHUTDOWN: u64 = 1 << 28;
pub(crate) const SOCK_ACCEPT: u64 = 1 << 29;

/// What applies to every descriptor.
const ANY: u64 = FD_FDSTAT_SET_FLAGS | FD_FILESTAT_GET | POLL_FD_READWRITE;

/// What applies to a stream to read. It must lack `FD_SEEK` and `FD_TELL`: by that, and its type,
/// the C library knows a terminal.
pub(crate) const INPUT: u64 = ANY | FD_READ;
/// As [`INPUT`], for streams to write.
pub(crate) const OUTPUT: u64 = ANY | FD_WRITE | FD_DATASYNC | FD_SYNC;

/// What applies to a file.
pub(crate) const FILE: u64 = ANY
    | FD_READ
    | FD_WRITE
    | FD_SEEK
    | FD_TELL
    | FD_SYNC
    | FD_DATASYNC
    | FD_ADVISE
    | FD_ALLOCATE
    | FD_FILESTAT_SET_SIZE
    | FD_FILESTAT_SET_TIMES;

/// What changes the entries of a directory, or files by their path.
const DIR_MUTATE: u64 = PATH_CREATE_DIRECTORY
    | PATH_CREATE_FILE
    | PATH_LINK_SOURCE
    | PATH_LINK_TARGET
    | PATH_RENAME_SOURCE
    | PATH_RENAME_TARGET
    | PATH_FILESTAT_SET_SIZE
    | PATH_FILESTAT_SET_TIMES
    | FD_FILESTAT_SET_TIMES
    | PATH_SYMLINK
    | PATH_REMOVE_DIRECTORY
    | PATH_UNLINK_FILE;

/// What applies to a directory that must not be changed.
pub(crate) const DIR_READ_ONLY: u64 =
    ANY | FD_SYNC | FD_DATASYNC | FD_READDIR | PATH_OPEN | PATH_READLINK | PATH_FILESTAT_GET;

/// What applies to a directory.
pub(crate) const DIR: u64 = DIR_READ_ONLY | DIR_MUTATE;

/// What may be opened through a directory.
pub(crate) const DIR_INHERITING: u64 = DIR | FILE;

/// A connection.
pub(crate) const CONNECTION: u64 = ANY | FD_READ | FD_WRITE | SOCK_SHUTDOWN;
/// A socket that accepts connections.
pub(crate) const LISTENER: u64 = ANY | FD_READ | SOCK_ACCEPT | SOCK_SHUTDOWN;

/// The rights of one descriptor.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rights {
    pub(crate) base: u64,
    /// Most that what is opened through the descriptor can have.
    pub(crate) inheriting: u64,
    /// `base` as it was at first.
    granted: u64,
}

impl Rights {
    pub(crate) fn new(base: u64, inheriting: u64) -> Rights {
        Rights { base, inheriting, granted: base }
    }

    /// Checks for `right`.
    ///
    /// A file that was not opened for reading or writing gives `EBADF` for that, as on Linux;
    /// everything else, and what was dropped later, is `ENOTCAPABLE`.
    #[inline]
    pub(crate) fn need(self, right: u64) -> Result<(), Errno> {
        let missing = right & !self.base;
        if missing == 0 {
            return Ok(());
        }
        Err(if missing & !self.granted & (FD_READ | FD_WRITE) != 0 {
            Errno::BADF
        } else {
            Errno::NOTCAPABLE
        })
    }

    /// Checks for one of `rights`.
    pub(crate) fn need_any(self, rights: u64) -> Result<(), Errno> {
        if self.base & rights != 0 { Ok(()) } else { Err(Errno::NOTCAPABLE) }
    }

    /// Whether `right` was there and has been given up.
    pub(crate) fn dropped(self, right: u64) -> bool {
        self.granted & !self.base & right != 0
    }

    /// Replaces both sets by parts of them.
    pub(crate) fn shrink(&mut self, base: u64, inheriting: u64) -> Result<(), Errno> {
        if base & !self.base != 0 || inheriting & !self.inheriting != 0 {
            return Err(Errno::NOTCAPABLE);
        }
        self.base = base;
        self.inheriting = inheriting;
        Ok(())
    }

    /// The rights of what is opened through this directory with rights as asked for.
    ///
    /// Bits that are no right of a file or directory are left out, as the documentation of
    /// `path_open` allows.
    pub(crate) fn pass_on(self, base: u64, inheriting: u64) -> Result<Rights, Errno> {
        let (base, inheriting) = (base & DIR_INHERITING, inheriting & DIR_INHERITING);
        if (base | inheriting) & !self.inheriting != 0 {
            return Err(Errno::NOTCAPABLE);
        }
        Ok(Rights::new(base, inheriting))
    }

    /// Without what does not apply to a file.
    pub(crate) fn of_file(self) -> Rights {
        Rights::new(self.base & FILE, 0)
    }

    /// Without what does not apply to a directory.
    pub(crate) fn of_dir(self) -> Rights {
        Rights::new(self.base & DIR, self.inheriting)
    }
}
