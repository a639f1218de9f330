//! What a guest's descriptor number stands for.
//!
//! Invariant: an [`OpenFile`], [`OpenDir`] or [`Socket`] was given by the embedder, opened through
//! a [`Dir`], or accepted by a socket; nothing here or elsewhere in this crate opens a path of the
//! guest in another way.

use std::fs::File;
use std::os::fd::OwnedFd;
use std::sync::Mutex;

use cap_std::fs::{Dir, OpenOptions};

use crate::errno::Errno;
use crate::p1::readdir::Listing;
use crate::perms::{FilePerms, Perms};
use crate::stream::{Input, Output};

/// An open descriptor.
pub(crate) enum Descriptor {
    /// A standard stream to read.
    Input(Input),
    /// A standard stream to write.
    Output(Output),
    /// Anything opened by path that is not a directory.
    File(OpenFile),
    /// A directory, preopened or opened by path.
    Dir(OpenDir),
    /// A socket, preopened or accepted.
    Socket(Socket),
}

/// An open file. The host's descriptor has the access that the guest asked for, and no other.
pub(crate) struct OpenFile {
    pub(crate) file: File,
    pub(crate) perms: FilePerms,
}

/// An open directory.
pub(crate) struct OpenDir {
    pub(crate) dir: Dir,
    pub(crate) perms: Perms,
    /// The guest's name for it, when it is preopened.
    pub(crate) preopen: Option<String>,
    /// Where a sequence of `fd_readdir` calls has got to.
    pub(crate) listing: Mutex<Listing>,
}

impl OpenDir {
    pub(crate) fn new(dir: Dir, perms: Perms, preopen: Option<String>) -> OpenDir {
        OpenDir { dir, perms, preopen, listing: Mutex::default() }
    }

    /// Opens it once more, for what the descriptor at hand may not do: it may be one that only
    /// locates the directory.
    pub(crate) fn reopen(&self) -> Result<File, Errno> {
        Ok(self.dir.open_with(".", OpenOptions::new().read(true))?.into_std())
    }
}

/// A stream socket: one that listens, or a connection.
pub(crate) struct Socket(pub(crate) OwnedFd);
