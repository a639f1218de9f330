//! What one guest sees of the host: the state behind all WASI functions.
//!
//! Invariant: a descriptor number is an index into [`FdTable`], and numbers are given out lowest
//! first, so the table is never longer than the most descriptors open at once.

use crate::clock::Clocks;
use crate::descriptor::{Descriptor, OpenDir, OpenFile, Socket};
use crate::errno::Errno;
use crate::rights::Rights;

/// Arguments, environment, streams and open files of one guest.
///
/// Made by a [`WasiCtxBuilder`](crate::WasiCtxBuilder), kept in the data of a store.
pub struct WasiCtx {
    /// Each without its terminating NUL.
    pub(crate) args: Vec<Vec<u8>>,
    /// Each `key=value`, without its terminating NUL.
    pub(crate) env: Vec<Vec<u8>>,
    pub(crate) fds: FdTable,
    pub(crate) clocks: Clocks,
    /// Where random bytes come from, unless it is the system.
    pub(crate) random: Option<RandomSource>,
}

/// Fills a slice with random bytes.
pub(crate) type RandomSource = Box<dyn FnMut(&mut [u8]) + Send>;

/// A store with a context can move to another thread.
const _: () = {
    const fn send<T: Send>() {}
    send::<WasiCtx>();
};

impl std::fmt::Debug for WasiCtx {
    /// Without the contents of arguments and environment, which may hold secrets.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("WasiCtx").finish_non_exhaustive()
    }
}

/// An open descriptor and what the guest may do with it.
pub(crate) struct Entry {
    pub(crate) descriptor: Descriptor,
    pub(crate) rights: Rights,
}

impl Entry {
    /// The regular file (or device), if it is one that has all of `rights`. Directories give
    /// `EBADF`, streams and sockets `ESPIPE`.
    pub(crate) fn file(&self, rights: u64) -> Result<&OpenFile, Errno> {
        match &self.descriptor {
            Descriptor::File(file) => {
                self.rights.need(rights)?;
                Ok(file)
            }
            Descriptor::Dir(_) => Err(Errno::BADF),
            Descriptor::Input(_) | Descriptor::Output(_) | Descriptor::Socket(_) => {
                Err(Errno::SPIPE)
            }
        }
    }

    /// The directory, if it is one that has all of `rights`; anything else gives `ENOTDIR`.
    pub(crate) fn dir(&self, rights: u64) -> Result<&OpenDir, Errno> {
        match &self.descriptor {
            Descriptor::Dir(dir) => {
                self.rights.need(rights)?;
                Ok(dir)
            }
            _ => Err(Errno::NOTDIR),
        }
    }
}

/// Open descriptors by number.
///
/// It has no limit of its own: whatever a guest opens is also open in the host process, whose
/// limit (`EMFILE`) is reached first.
pub(crate) struct FdTable {
    slots: Vec<Option<Entry>>,
}

impl FdTable {
    /// A table that numbers `entries` from 0.
    pub(crate) fn new(entries: impl Iterator<Item = Entry>) -> FdTable {
        FdTable { slots: entries.map(Some).collect() }
    }

    pub(crate) fn get(&self, fd: u32) -> Result<&Entry, Errno> {
        self.slots.get(fd as usize).and_then(Option::as_ref).ok_or(Errno::BADF)
    }

    pub(crate) fn get_mut(&mut self, fd: u32) -> Result<&mut Entry, Errno> {
        self.slots.get_mut(fd as usize).and_then(Option::as_mut).ok_or(Errno::BADF)
    }

    /// The file `fd`, as [`Entry::file`].
    pub(crate) fn file(&self, fd: u32, rights: u64) -> Result<&OpenFile, Errno> {
        self.get(fd)?.file(rights)
    }

    /// The directory `fd`, as [`Entry::dir`].
    pub(crate) fn dir(&self, fd: u32, rights: u64) -> Result<&OpenDir, Errno> {
        self.get(fd)?.dir(rights)
    }

    /// As [`Self::dir`], to be changed.
    pub(crate) fn dir_mut(&mut self, fd: u32, rights: u64) -> Result<&mut OpenDir, Errno> {
        let entry = self.get_mut(fd)?;
        match &mut entry.descriptor {
            Descriptor::Dir(dir) => {
                entry.rights.need(rights)?;
                Ok(dir)
            }
            _ => Err(Errno::NOTDIR),
        }
    }

    /// The socket `fd`; anything else gives `ENOTSOCK`.
    pub(crate) fn socket(&self, fd: u32, rights: u64) -> Result<&Socket, Errno> {
        let entry = self.get(fd)?;
        match &entry.descriptor {
            Descriptor::Socket(socket) => {
                entry.rights.need(rights)?;
                Ok(socket)
            }
            _ => Err(Errno::NOTSOCK),
        }
    }

    /// Gives `entry` the lowest free number.
    pub(crate) fn insert(&mut self, entry: Entry) -> Result<u32, Errno> {
        let free = self.slots.iter().position(Option::is_none);
        let index = free.unwrap_or(self.slots.len());
        let fd = u32::try_from(index).map_err(|_| Errno::MFILE)?;
        match self.slots.get_mut(index) {
            Some(slot) => *slot = Some(entry),
            None => self.slots.push(Some(entry)),
        }
        Ok(fd)
    }

    /// Frees the number `fd`; dropping what is returned closes it.
    pub(crate) fn remove(&mut self, fd: u32) -> Result<Entry, Errno> {
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
