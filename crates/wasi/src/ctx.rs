//! What one guest sees of the host: the state behind all WASI functions.
//!
//! Threads of a guest share it. Invariant: the lock of the table is never held during a system
//! call, and no call that may block holds a lock that another call needs, except for one that uses
//! the same standard stream or the same listing. What a call works on is its own [`Entry`], so a
//! descriptor that another thread closes stays open in the host until the call has ended.
//!
//! Invariant: a descriptor number is an index into [`FdTable`], and numbers are given out lowest
//! first, so the table is never longer than the most descriptors open at once.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::clock::Clocks;
use crate::descriptor::{Descriptor, OpenDir, OpenFile, Socket};
use crate::errno::Errno;
use crate::rights::Rights;

/// Arguments, environment, streams and open files of one guest.
///
/// Made by a [`WasiCtxBuilder`](crate::WasiCtxBuilder), kept in the data of a store. Clones are the
/// same state: what one opens or closes is open or closed for all. The threads of a guest have one
/// each, and so may instances of one guest that are in several stores.
#[derive(Clone)]
pub struct WasiCtx(pub(crate) Arc<State>);

/// What clones of a [`WasiCtx`] have in common.
pub(crate) struct State {
    /// Each without its terminating NUL.
    pub(crate) args: Vec<Vec<u8>>,
    /// Each `key=value`, without its terminating NUL.
    pub(crate) env: Vec<Vec<u8>>,
    pub(crate) fds: FdTable,
    pub(crate) clocks: Clocks,
    /// Where random bytes come from, unless it is the system.
    pub(crate) random: Option<Mutex<RandomSource>>,
}

/// Fills a slice with random bytes.
pub(crate) type RandomSource = Box<dyn FnMut(&mut [u8]) + Send>;

/// A store with a context can move to another thread, and threads can share it.
const _: () = {
    const fn send_and_sync<T: Send + Sync>() {}
    send_and_sync::<WasiCtx>();
};

impl std::fmt::Debug for WasiCtx {
    /// Without the contents of arguments and environment, which may hold secrets.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("WasiCtx").finish_non_exhaustive()
    }
}

/// Locks what is consistent after every statement, so that a poisoned lock is as good as another,
/// or what belongs to the embedder, whose panic it was.
pub(crate) fn lock<T: ?Sized>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// An open descriptor and what the guest may do with it. Clones are the same descriptor.
#[derive(Clone)]
pub(crate) struct Entry {
    pub(crate) descriptor: Arc<Descriptor>,
    pub(crate) rights: Rights,
}

impl Entry {
    pub(crate) fn new(descriptor: Descriptor, rights: Rights) -> Entry {
        Entry { descriptor: Arc::new(descriptor), rights }
    }

    /// The regular file (or device), if it is one that has all of `rights`. Directories give
    /// `EBADF`, streams and sockets `ESPIPE`.
    pub(crate) fn file(&self, rights: u64) -> Result<&OpenFile, Errno> {
        match &*self.descriptor {
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
        match &*self.descriptor {
            Descriptor::Dir(dir) => {
                self.rights.need(rights)?;
                Ok(dir)
            }
            _ => Err(Errno::NOTDIR),
        }
    }

    /// The socket, if it is one that has all of `rights`; anything else gives `ENOTSOCK`.
    pub(crate) fn socket(&self, rights: u64) -> Result<&Socket, Errno> {
        match &*self.descriptor {
            Descriptor::Socket(socket) => {
                self.rights.need(rights)?;
                Ok(socket)
            }
            _ => Err(Errno::NOTSOCK),
        }
    }
}

/// Open descriptors by number.
///
/// It has no limit of its own: whatever a guest opens is also open in the host process, whose
/// limit (`EMFILE`) is reached first.
pub(crate) struct FdTable {
    slots: Mutex<Vec<Option<Entry>>>,
}

impl FdTable {
    /// A table that numbers `entries` from 0.
    pub(crate) fn new(entries: impl Iterator<Item = Entry>) -> FdTable {
        FdTable { slots: Mutex::new(entries.map(Some).collect()) }
    }

    /// The descriptor `fd` as it is now, for one call.
    pub(crate) fn get(&self, fd: u32) -> Result<Entry, Errno> {
        let slots = lock(&self.slots);
        slots.get(fd as usize).and_then(Option::clone).ok_or(Errno::BADF)
    }

    /// Gives `entry` the lowest free number.
    pub(crate) fn insert(&self, entry: Entry) -> Result<u32, Errno> {
        let mut slots = lock(&self.slots);
        let free = slots.iter().position(Option::is_none);
        let index = free.unwrap_or(slots.len());
        let fd = u32::try_from(index).map_err(|_| Errno::MFILE)?;
        match slots.get_mut(index) {
            Some(slot) => *slot = Some(entry),
            None => slots.push(Some(entry)),
        }
        Ok(fd)
    }

    /// Frees the number `fd`. Dropping what is returned closes it, unless another call uses it.
    pub(crate) fn remove(&self, fd: u32) -> Result<Entry, Errno> {
        let mut slots = lock(&self.slots);
        slots.get_mut(fd as usize).and_then(Option::take).ok_or(Errno::BADF)
    }

    /// Moves `from` to the number `to`, and returns what was there, if that is to be closed. Both
    /// have to be open, so that a guest cannot make the table longer than the number of its
    /// descriptors.
    pub(crate) fn renumber(&self, from: u32, to: u32) -> Result<Option<Entry>, Errno> {
        let mut slots = lock(&self.slots);
        let (from, to) = (from as usize, to as usize);
        let open = |fd| slots.get(fd).is_some_and(Option::is_some);
        if !open(from) || !open(to) {
            return Err(Errno::BADF);
        }
        if from == to {
            return Ok(None);
        }
        let moved = slots[from].take();
        Ok(std::mem::replace(&mut slots[to], moved))
    }

    /// Gives up rights of `fd`.
    pub(crate) fn shrink_rights(&self, fd: u32, base: u64, inheriting: u64) -> Result<(), Errno> {
        let mut slots = lock(&self.slots);
        let slot = slots.get_mut(fd as usize).and_then(Option::as_mut).ok_or(Errno::BADF)?;
        slot.rights.shrink(base, inheriting)
    }
}
