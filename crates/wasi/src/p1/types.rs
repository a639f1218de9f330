//! Numbers and record layouts of the `wasi_snapshot_preview1` witx file.
//!
//! Flags a function does not know are an error (`EINVAL`), never ignored: see [`known_flags`].

use std::io;

use cap_std::fs::{FileType, FileTypeExt, Metadata, MetadataExt};

use crate::errno::Errno;

/// `$lookupflags`: follow a symbolic link at the end of the path.
pub(super) const LOOKUP_SYMLINK_FOLLOW: u32 = 1 << 0;

/// `$oflags` of `path_open`.
pub(super) mod oflags {
    pub(crate) const CREAT: u32 = 1 << 0;
    pub(crate) const DIRECTORY: u32 = 1 << 1;
    pub(crate) const EXCL: u32 = 1 << 2;
    pub(crate) const TRUNC: u32 = 1 << 3;
    pub(crate) const ALL: u32 = CREAT | DIRECTORY | EXCL | TRUNC;
}

/// `$fdflags` of descriptors.
pub(super) mod fdflags {
    pub(crate) const APPEND: u32 = 1 << 0;
    pub(crate) const DSYNC: u32 = 1 << 1;
    pub(crate) const NONBLOCK: u32 = 1 << 2;
    pub(crate) const RSYNC: u32 = 1 << 3;
    pub(crate) const SYNC: u32 = 1 << 4;
    pub(crate) const ALL: u32 = APPEND | DSYNC | NONBLOCK | RSYNC | SYNC;
}

/// `$fstflags` of the functions that set times.
pub(super) mod fstflags {
    pub(crate) const ATIM: u32 = 1 << 0;
    pub(crate) const ATIM_NOW: u32 = 1 << 1;
    pub(crate) const MTIM: u32 = 1 << 2;
    pub(crate) const MTIM_NOW: u32 = 1 << 3;
    pub(crate) const ALL: u32 = ATIM | ATIM_NOW | MTIM | MTIM_NOW;
}

/// `$rights` of descriptors.
pub(super) mod rights {
    const FD_DATASYNC: u64 = 1 << 0;
    pub(crate) const FD_READ: u64 = 1 << 1;
    const FD_SEEK: u64 = 1 << 2;
    const FD_FDSTAT_SET_FLAGS: u64 = 1 << 3;
    const FD_SYNC: u64 = 1 << 4;
    const FD_TELL: u64 = 1 << 5;
    pub(crate) const FD_WRITE: u64 = 1 << 6;
    const FD_ADVISE: u64 = 1 << 7;
    pub(crate) const FD_ALLOCATE: u64 = 1 << 8;
    /// `PATH_CREATE_DIRECTORY` (bit 9) to `PATH_OPEN` (bit 13).
    const PATH_CREATE_LINK_OPEN: u64 = 0b1_1111 << 9;
    pub(crate) const FD_READDIR: u64 = 1 << 14;
    /// `PATH_READLINK` (bit 15) to `PATH_FILESTAT_SET_TIMES` (bit 20).
    const PATH_READLINK_RENAME_FILESTAT: u64 = 0b11_1111 << 15;
    const FD_FILESTAT_GET: u64 = 1 << 21;
    pub(crate) const FD_FILESTAT_SET_SIZE: u64 = 1 << 22;
    const FD_FILESTAT_SET_TIMES: u64 = 1 << 23;
    /// `PATH_SYMLINK` (bit 24) to `PATH_UNLINK_FILE` (bit 26).
    const PATH_SYMLINK_REMOVE: u64 = 0b111 << 24;
    const POLL_FD_READWRITE: u64 = 1 << 27;

    /// What every descriptor allows.
    const ANY: u64 = FD_FDSTAT_SET_FLAGS | FD_FILESTAT_GET | POLL_FD_READWRITE;

    /// A stream. It must lack `FD_SEEK` and `FD_TELL`: by that, and its type, the C library knows
    /// a terminal.
    pub(crate) const INPUT: u64 = ANY | FD_READ;
    /// As [`INPUT`], for streams to write.
    pub(crate) const OUTPUT: u64 = ANY | FD_WRITE | FD_DATASYNC | FD_SYNC;

    /// A file, besides [`FILE_READ`] and [`FILE_WRITE`].
    pub(crate) const FILE: u64 =
        ANY | FD_SEEK | FD_TELL | FD_SYNC | FD_ADVISE | FD_FILESTAT_SET_TIMES;
    pub(crate) const FILE_READ: u64 = FD_READ;
    pub(crate) const FILE_WRITE: u64 = FD_WRITE | FD_DATASYNC | FD_ALLOCATE | FD_FILESTAT_SET_SIZE;

    pub(crate) const DIR: u64 = ANY
        | FD_SYNC
        | FD_READDIR
        | FD_FILESTAT_SET_TIMES
        | PATH_CREATE_LINK_OPEN
        | PATH_READLINK_RENAME_FILESTAT
        | PATH_SYMLINK_REMOVE;
    /// What may be opened through a directory: everything.
    pub(crate) const DIR_INHERITING: u64 = DIR | FILE | FILE_READ | FILE_WRITE;
}

/// `$filetype`.
pub(super) mod filetype {
    pub(crate) const UNKNOWN: u8 = 0;
    pub(crate) const BLOCK_DEVICE: u8 = 1;
    pub(crate) const CHARACTER_DEVICE: u8 = 2;
    pub(crate) const DIRECTORY: u8 = 3;
    pub(crate) const REGULAR_FILE: u8 = 4;
    pub(crate) const SOCKET_STREAM: u8 = 6;
    pub(crate) const SYMBOLIC_LINK: u8 = 7;
}

/// `flags`, unless it has bits outside of `known`.
pub(super) fn known_flags(flags: u32, known: u32) -> Result<u32, Errno> {
    if flags & !known == 0 { Ok(flags) } else { Err(Errno::INVAL) }
}

/// `lookup` read as flags: whether to follow a link at the end of the path.
pub(super) fn follows(lookup: u32) -> Result<bool, Errno> {
    Ok(known_flags(lookup, LOOKUP_SYMLINK_FOLLOW)? != 0)
}

/// The `$filetype` of a file of the host.
pub(super) fn filetype_of(ty: FileType) -> u8 {
    if ty.is_file() {
        filetype::REGULAR_FILE
    } else if ty.is_dir() {
        filetype::DIRECTORY
    } else if ty.is_symlink() {
        filetype::SYMBOLIC_LINK
    } else if ty.is_char_device() {
        filetype::CHARACTER_DEVICE
    } else if ty.is_block_device() {
        filetype::BLOCK_DEVICE
    } else if ty.is_socket() {
        filetype::SOCKET_STREAM
    } else {
        filetype::UNKNOWN
    }
}

/// `$fdstat`.
pub(super) struct Fdstat {
    pub(super) filetype: u8,
    pub(super) flags: u32,
    pub(super) rights: u64,
    pub(super) inheriting: u64,
}

impl Fdstat {
    pub(super) const BYTES: u32 = 24;

    pub(super) fn to_bytes(&self) -> [u8; Self::BYTES as usize] {
        let mut bytes = [0; Self::BYTES as usize];
        bytes[0] = self.filetype;
        // All flags are within the low 16 bits.
        bytes[2..4].copy_from_slice(&(self.flags as u16).to_le_bytes());
        bytes[8..16].copy_from_slice(&self.rights.to_le_bytes());
        bytes[16..24].copy_from_slice(&self.inheriting.to_le_bytes());
        bytes
    }
}

/// `$filestat`. Times are nanoseconds since 1970.
#[derive(Default)]
pub(super) struct Filestat {
    dev: u64,
    ino: u64,
    filetype: u8,
    nlink: u64,
    size: u64,
    atim: u64,
    mtim: u64,
    ctim: u64,
}

impl Filestat {
    pub(super) const BYTES: u32 = 64;

    /// A stream, of which nothing but the type is known.
    pub(super) fn of_stream(filetype: u8) -> Filestat {
        Filestat { filetype, ..Filestat::default() }
    }

    pub(super) fn of(metadata: &Metadata) -> Filestat {
        Filestat {
            dev: metadata.dev(),
            ino: metadata.ino(),
            filetype: filetype_of(metadata.file_type()),
            nlink: metadata.nlink(),
            size: metadata.size(),
            atim: nanoseconds(metadata.atime(), metadata.atime_nsec()),
            mtim: nanoseconds(metadata.mtime(), metadata.mtime_nsec()),
            ctim: nanoseconds(metadata.ctime(), metadata.ctime_nsec()),
        }
    }

    pub(super) fn to_bytes(&self) -> [u8; Self::BYTES as usize] {
        let mut bytes = [0; Self::BYTES as usize];
        bytes[16] = self.filetype;
        let numbers = [
            (0, self.dev),
            (8, self.ino),
            (24, self.nlink),
            (32, self.size),
            (40, self.atim),
            (48, self.mtim),
            (56, self.ctim),
        ];
        for (offset, number) in numbers {
            bytes[offset..offset + 8].copy_from_slice(&number.to_le_bytes());
        }
        bytes
    }
}

/// Times that do not fit, before 1970 or after 2554, become the nearest that does.
fn nanoseconds(seconds: i64, nanoseconds: i64) -> u64 {
    let total = i128::from(seconds) * 1_000_000_000 + i128::from(nanoseconds);
    u64::try_from(total.max(0)).unwrap_or(u64::MAX)
}

/// The metadata of a path below a directory, of the link itself unless it is followed.
pub(super) fn metadata_at(
    dir: &cap_std::fs::Dir,
    path: &str,
    follow: bool,
) -> io::Result<Metadata> {
    if follow { dir.metadata(path) } else { dir.symlink_metadata(path) }
}
