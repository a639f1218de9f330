//! What a guest's descriptor number stands for.
//!
//! Invariant: an [`OpenFile`] or [`OpenDir`] was given by the embedder or opened through a
//! [`Dir`]; nothing here or elsewhere in this crate opens a path of the guest in another way.

use std::fs::File;

use cap_std::fs::{Dir, Metadata};

use crate::errno::Errno;
use crate::p1::readdir::Listing;
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
}

/// An open file and the access the guest asked for.
///
/// The access is kept here because the host file may allow more: the host needs write access to
/// create or truncate a file that the guest opens for reading only.
pub(crate) struct OpenFile {
    pub(crate) file: File,
    pub(crate) readable: bool,
    pub(crate) writable: bool,
}

impl OpenFile {
    /// The host file, if the guest may read it.
    pub(crate) fn for_reading(&self) -> Result<&File, Errno> {
        if self.readable { Ok(&self.file) } else { Err(Errno::BADF) }
    }

    /// The host file, if the guest may write it.
    pub(crate) fn for_writing(&self) -> Result<&File, Errno> {
        if self.writable { Ok(&self.file) } else { Err(Errno::BADF) }
    }

    pub(crate) fn metadata(&self) -> Result<Metadata, Errno> {
        Ok(Metadata::from_file(&self.file)?)
    }
}

/// An open directory.
pub(crate) struct OpenDir {
    pub(crate) dir: Dir,
    /// The guest's name for it, when it is preopened.
    pub(crate) preopen: Option<String>,
    /// Where a sequence of `fd_readdir` calls has got to.
    pub(crate) listing: Option<Listing>,
}

impl OpenDir {
    pub(crate) fn new(dir: Dir, preopen: Option<String>) -> OpenDir {
        OpenDir { dir, preopen, listing: None }
    }
}
