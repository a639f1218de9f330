//! Allocations in a guest that the host owns.

use crate::heap::Block;
use crate::{Address, Guest, GuestPtr};
use palisade::{AsContextMut, Result};
use std::fmt;
use std::marker::PhantomData;

/// Values that the guest's allocator made room for, owned by the host. With an AssemblyScript
/// guest, an object that the host has pinned.
///
/// [`free`](Self::free) frees them. To drop this frees them too, but later, as there is no store at
/// hand then: by the next allocation through the same [`Guest`], or by [`Guest::sweep`]. If there
/// is none, they stay allocated as long as the guest lives.
///
/// What the host owns is only the permission to free: the guest can reach its own memory, and may
/// have freed it itself.
#[must_use = "what is dropped at once is freed by the next allocation"]
pub struct GuestBox<T, A: Address = u32> {
    guest: Guest<A>,
    /// `None` when it is not to be freed any more.
    block: Option<Block<A>>,
    at: GuestPtr<T, A>,
    len: usize,
    of: PhantomData<fn() -> T>,
}

impl<T, A: Address> GuestBox<T, A> {
    pub(crate) fn new(guest: Guest<A>, block: Block<A>, len: usize) -> Self {
        let at = GuestPtr::from_address(block.address);
        GuestBox { guest, block: Some(block), at, len, of: PhantomData }
    }

    /// Where they are.
    pub fn ptr(&self) -> GuestPtr<T, A> {
        self.at
    }

    /// How many values there are.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Frees them; an AssemblyScript object is unpinned.
    ///
    /// # Errors
    ///
    /// When the guest fails.
    pub fn free(mut self, store: impl AsContextMut) -> Result<()> {
        match self.block.take() {
            Some(block) => self.guest.heap()?.free(store, block),
            None => Ok(()),
        }
    }

    /// Leaves them to the guest, which has to free them.
    pub fn into_ptr(mut self) -> GuestPtr<T, A> {
        self.block = None;
        self.at
    }
}

impl<T, A: Address> Drop for GuestBox<T, A> {
    fn drop(&mut self) {
        if let Some(block) = self.block.take() {
            self.guest.free_later(block);
        }
    }
}

impl<T, A: Address> fmt::Debug for GuestBox<T, A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GuestBox").field("at", &self.at).field("len", &self.len).finish()
    }
}
