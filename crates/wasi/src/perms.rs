//! What the embedder allows in a preopened directory: the guest's view of a read-only mount.
//!
//! Permissions are the embedder's and never change; rights (`rights.rs`) are the guest's own and
//! only shrink. What a permission forbids is `EPERM`, whatever the rights say.

use std::ops::BitOr;

/// What a guest may do with the directories of a preopened directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DirPerms(u8);

/// What a guest may do with the files of a preopened directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FilePerms(u8);

impl DirPerms {
    /// Look up, open, list and describe what is there.
    pub const READ: DirPerms = DirPerms(1);
    /// Create, remove, rename and link.
    pub const MUTATE: DirPerms = DirPerms(2);
}

impl FilePerms {
    /// Open files for reading.
    pub const READ: FilePerms = FilePerms(1);
    /// Open files for writing, truncate them, and set their times.
    pub const WRITE: FilePerms = FilePerms(2);
}

macro_rules! set_of_flags {
    ($($name:ident)*) => {$(
        impl $name {
            /// Nothing.
            pub const fn empty() -> $name {
                $name(0)
            }

            /// Everything.
            pub const fn all() -> $name {
                $name(3)
            }

            /// Whether all of `other` is part of it.
            pub const fn contains(self, other: $name) -> bool {
                self.0 & other.0 == other.0
            }
        }

        impl BitOr for $name {
            type Output = $name;

            fn bitor(self, other: $name) -> $name {
                $name(self.0 | other.0)
            }
        }
    )*};
}

set_of_flags! { DirPerms FilePerms }

/// The permissions of a preopened directory; all that is opened through it has the same.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Perms {
    pub(crate) dir: DirPerms,
    pub(crate) file: FilePerms,
}

impl Perms {
    /// Whether what is moved from here to a place with permissions `to` can do no more there.
    pub(crate) fn cover(self, to: Perms) -> bool {
        self.dir.contains(to.dir) && self.file.contains(to.file)
    }
}
