//! Numbers and record layouts of the `wasi_snapshot_preview1` witx file.
//!
//! Flags a function does not know are an error (`EINVAL`), never ignored: see [`known_flags`].

use cap_std::fs::{FileType, FileTypeExt, Metadata, MetadataExt};
use rustix::fs::OFlags;

use crate::errno::Errno;
use crate::rights::Rights;

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

/// The `$fdflags` as the system knows them. It has one flag for `SYNC` and `RSYNC`, which includes
/// that for `DSYNC`.
pub(super) const HOST_FLAGS: [(OFlags, u32); 5] = [
    (OFlags::APPEND, fdflags::APPEND),
    // `rustix` 1.1 has the value of `O_SYNC` for it.
    (OFlags::from_bits_retain(0o10000), fdflags::DSYNC),
    (OFlags::NONBLOCK, fdflags::NONBLOCK),
    (OFlags::SYNC, fdflags::RSYNC),
    (OFlags::SYNC, fdflags::SYNC),
];

/// `$fstflags` of the functions that set times.
pub(super) mod fstflags {
    pub(crate) const ATIM: u32 = 1 << 0;
    pub(crate) const ATIM_NOW: u32 = 1 << 1;
    pub(crate) const MTIM: u32 = 1 << 2;
    pub(crate) const MTIM_NOW: u32 = 1 << 3;
    pub(crate) const ALL: u32 = ATIM | ATIM_NOW | MTIM | MTIM_NOW;
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
    pub(super) rights: Rights,
}

impl Fdstat {
    pub(super) const BYTES: u32 = 24;

    pub(super) fn to_bytes(&self) -> [u8; Self::BYTES as usize] {
        let mut bytes = [0; Self::BYTES as usize];
        bytes[0] = self.filetype;
        // All flags are within the low 16 bits.
        bytes[2..4].copy_from_slice(&(self.flags as u16).to_le_bytes());
        bytes[8..16].copy_from_slice(&self.rights.base.to_le_bytes());
        bytes[16..24].copy_from_slice(&self.rights.inheriting.to_le_bytes());
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

    /// Its size in `wasi_unstable`, where the number of links has 32 bits.
    pub(super) const BYTES_UNSTABLE: u32 = 56;

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

impl Filestat {
    /// As `wasi_unstable` lays it out.
    pub(super) fn to_bytes_unstable(&self) -> [u8; Self::BYTES_UNSTABLE as usize] {
        let mut bytes = [0; Self::BYTES_UNSTABLE as usize];
        let wide = self.to_bytes();
        bytes[..24].copy_from_slice(&wide[..24]);
        let nlink = u32::try_from(self.nlink).unwrap_or(u32::MAX);
        bytes[20..24].copy_from_slice(&nlink.to_le_bytes());
        bytes[24..].copy_from_slice(&wide[32..]);
        bytes
    }
}

/// Times that do not fit, before 1970 or after 2554, become the nearest that does.
fn nanoseconds(seconds: i64, nanoseconds: i64) -> u64 {
    let total = i128::from(seconds) * 1_000_000_000 + i128::from(nanoseconds);
    u64::try_from(total.max(0)).unwrap_or(u64::MAX)
}
