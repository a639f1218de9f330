//! What one guest sees of the host: the state behind all WASI functions.
//!
//! Invariant: a descriptor number is an index into [`FdTable`], and numbers are given out lowest
//! first, so the table is never longer than the most descriptors open at once.

use std::time::Instant;

use crate::descriptor::{Descriptor, OpenDir, OpenFile};
use crate::errno::Errno;

/// Arguments, environment, streams and open files of one guest.
///
/// Made by a [`WasiCtxBuilder`](crate::WasiCtxBuilder), kept in the data of a store.
pub struct WasiCtx {
    /// Each without its terminating NUL.
    pub(crate) args: Vec<Vec<u8>>,
    /// Each `key=value`, without its terminating NUL.
    pub(crate) env: Vec<Vec<u8>>,
    pub(crate) fds: FdTable,
    /// Zero of the monotonic clock: a guest does not learn how long the host has been up.
    pub(crate) epoch: Instant,
}

impl std::fmt::Debug for WasiCtx {
    /// Without the contents of arguments and environment, which may hold secrets.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("WasiCtx").finish_non_exhaustive()
    }
}

/// Open descriptors by number.
///
/// It has no limit of its own: whatever a guest opens is also open in the host process, whose
/// limit (`EMFILE`) is reached first.
pub(crate) struct FdTable {
    slots: Vec<Option<Descriptor>>,
}

impl FdTable {
    /// A table that numbers `descriptors` from 0.
    pub(crate) fn new(descriptors: impl Iterator<Item = Descriptor>) -> FdTable {
        FdTable { slots: descriptors.map(Some).collect() }
    }

    pub(crate) fn get(&self, fd: u32) -> Result<&Descriptor, Errno> {
        self.slots.get(fd as usize).and_then(Option::as_ref).ok_or(Errno::BADF)
    }

    pub(crate) fn get_mut(&mut self, fd: u32) -> Result<&mut Descriptor, Errno> {
        self.slots.get_mut(fd as usize).and_then(Option::as_mut).ok_or(Errno::BADF)
    }

    /// The regular file (or device) `fd`. Directories give `EBADF`, streams `ESPIPE`.
    pub(crate) fn file(&self, fd: u32) -> Result<&OpenFile, Errno> {
        match self.get(fd)? {
            Descriptor::File(file) => Ok(file),
            Descriptor::Dir(_) => Err(Errno::BADF),
            Descriptor::Input(_) | Descriptor::Output(_) => Err(Errno::SPIPE),
        }
    }

    /// The directory `fd`; anything else gives `ENOTDIR`.
    pub(crate) fn dir(&self, fd: u32) -> Result<&OpenDir, Errno> {
        match self.get(fd)? {
            Descriptor::Dir(dir) => Ok(dir),
            _ => Err(Errno::NOTDIR),
        }
    }

    /// As [`Self::dir`], to be changed.
    pub(crate) fn dir_mut(&mut self, fd: u32) -> Result<&mut OpenDir, Errno> {
        match self.get_mut(fd)? {
            Descriptor::Dir(dir) => Ok(dir),
            _ => Err(Errno::NOTDIR),
        }
    }

    /// Gives `descriptor` the lowest free number.
    pub(crate) fn insert(&mut self, descriptor: Descriptor) -> Result<u32, Errno> {
        let free = self.slots.iter().position(Option::is_none);
        let index = free.unwrap_or(self.slots.len());
        let fd = u32::try_from(index).map_err(|_| Errno::MFILE)?;
        match self.slots.get_mut(index) {
            Some(slot) => *slot = Some(descriptor),
            None => self.slots.push(Some(descriptor)),
        }
        Ok(fd)
    }

    /// Frees the number `fd`; dropping what is returned closes it.
    pub(crate) fn remove(&mut self, fd: u32) -> Result<Descriptor, Errno> {
        self.slots.get_mut(fd as usize).and_then(Option::take).ok_or(Errno::BADF)
    }

    /// Moves `from` to the number `to`, closing what was there. Both have to be open, so that a
    /// guest cannot make the table longer than the number of its descriptors.
    pub(crate) fn renumber(&mut self, from: u32, to: u32) -> Result<(), Errno> {
        self.get(from)?;
        self.get(to)?;
        if from != to {
            *self.get_mut(to)? = self.remove(from)?;
        }
        Ok(())
    }
}
