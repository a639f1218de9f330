//! Allocations that live as long as one piece of work: a closure of the host, or the call of a
//! bound function.
//!
//! Invariant: whoever makes a `Scope` ends it by [`Scope::run`] or [`Scope::end`], whatever happens
//! in between but a panic, during which no guest is called.

use crate::assemblyscript::{new_object, not_its_guest};
use crate::heap::{Block, Heap, check_allocation};
use crate::text::without_nul;
use crate::{
    AccessError, Address, Encoding, Guest, GuestError, GuestPtr, GuestValue, View, ViewMut,
};
use palisade::error::Context;
use palisade::{AsContext, AsContextMut, Result, StoreContext, StoreContextMut, Trap};
use std::fmt;

/// A store together with allocations in a guest that end with a piece of work. See [`Guest::scope`]
/// and [`Guest::frame`].
///
/// It is also what a store is borrowed by: calls are made through it.
pub struct Scope<'g, C, A: Address = u32> {
    guest: &'g Guest<A>,
    store: C,
    place: Place,
    /// What the stack pointer was before the first allocation on the stack.
    saved: Option<A>,
    /// Bytes allocated on the stack.
    on_stack: usize,
    blocks: Vec<Block<A>>,
}

/// Where a scope allocates.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Heap,
    Stack,
    /// On the stack what fits there, else on the heap, or wherever the guest has one of the two.
    Either,
}

impl<'g, C: AsContextMut, A: Address> Scope<'g, C, A> {
    pub(crate) fn on_heap(guest: &'g Guest<A>, store: C) -> Self {
        Scope::new(guest, store, Place::Heap)
    }

    pub(crate) fn on_stack(guest: &'g Guest<A>, store: C) -> Self {
        Scope::new(guest, store, Place::Stack)
    }

    /// For the arguments of a call.
    #[inline(always)]
    pub(crate) fn for_call(guest: &'g Guest<A>, store: C) -> Self {
        Scope::new(guest, store, Place::Either)
    }

    #[inline(always)]
    fn new(guest: &'g Guest<A>, store: C, place: Place) -> Self {
        Scope { guest, store, place, saved: None, on_stack: 0, blocks: Vec::new() }
    }

    pub(crate) fn run<R>(mut self, body: impl FnOnce(&mut Self) -> Result<R>) -> Result<R> {
        let result = body(&mut self);
        self.end(result)
    }

    /// Frees everything, unless the guest was interrupted, and gives `result` if that succeeds, or if it is an error already.
    #[inline(always)]
    pub(crate) fn end<R>(mut self, result: Result<R>) -> Result<R> {
        if self.saved.is_none() && self.blocks.is_empty() {
            return result;
        }
        let freed = match &result {
            Err(error) if is_interrupt(error) => self.free_later(),
            _ => self.free_all(),
        };
        let value = result?;
        freed.context("freeing what was allocated for the work that is done")?;
        Ok(value)
    }

    /// All of it, also when the guest fails in between; gives the first failure.
    #[cold]
    fn free_all(&mut self) -> Result<()> {
        let mut result = Ok(());
        while let Some(block) = self.blocks.pop() {
            let freed = match self.guest.heap() {
                Ok(heap) => heap.free(&mut self.store, block),
                Err(error) => Err(error.into()),
            };
            result = result.and(freed);
        }
        if let Some(pointer) = self.saved.take() {
            let restored = match self.guest.stack() {
                Ok(stack) => stack.restore(&mut self.store, pointer),
                Err(error) => Err(error.into()),
            };
            self.guest.take_stack_left();
            result = result.and(restored);
        }
        result
    }

    /// Leaves all of it to the next scope: whoever has stopped the guest does not expect that it
    /// runs again.
    #[cold]
    fn free_later(&mut self) -> Result<()> {
        self.blocks.drain(..).for_each(|block| self.guest.free_later(block));
        if let Some(pointer) = self.saved.take() {
            self.guest.leave_stack(pointer);
        }
        Ok(())
    }

    /// The guest.
    pub fn guest(&self) -> &'g Guest<A> {
        self.guest
    }

    /// The guest's memory, to be read.
    #[inline]
    pub fn view(&self) -> View<'_> {
        self.guest.view(self.store.as_context())
    }

    /// The guest's memory, to be changed.
    #[inline]
    pub fn view_mut(&mut self) -> ViewMut<'_> {
        self.guest.view_mut(self.store.as_context_mut())
    }

    /// Room for `len` values. Their bytes are what was there before.
    ///
    /// # Errors
    ///
    /// When the guest has no allocator or stack, there is no room, it gives what is no allocation,
    /// or it fails.
    pub fn reserve<T: GuestValue>(&mut self, len: usize) -> Result<GuestPtr<T, A>> {
        let size = len.checked_mul(T::SIZE);
        Ok(GuestPtr::from_address(self.alloc(size, T::ALIGN)?))
    }

    /// An array with these values.
    ///
    /// # Errors
    ///
    /// As [`reserve`](Self::reserve).
    pub fn copy<T: GuestValue>(&mut self, values: &[T]) -> Result<GuestPtr<T, A>> {
        let at = self.reserve(values.len())?;
        self.view_mut().set_all(at, values)?;
        Ok(at)
    }

    /// A value.
    ///
    /// # Errors
    ///
    /// As [`reserve`](Self::reserve).
    pub fn put<T: GuestValue>(&mut self, value: &T) -> Result<GuestPtr<T, A>> {
        let at = self.reserve(1)?;
        self.view_mut().set(at, value)?;
        Ok(at)
    }

    /// A text with a terminator.
    ///
    /// # Errors
    ///
    /// As [`reserve`](Self::reserve); when `text` has a NUL inside, or the encoding lacks one of
    /// its characters.
    pub fn text(&mut self, text: &str, encoding: Encoding) -> Result<GuestPtr<u8, A>> {
        self.text_bytes(without_nul(text)?, encoding, true)
    }

    /// A text without a terminator, whose length the guest is told otherwise. Gives its length in
    /// bytes, too.
    ///
    /// # Errors
    ///
    /// As [`reserve`](Self::reserve); when the encoding lacks one of the characters of `text`.
    pub fn text_unterminated(
        &mut self,
        text: &str,
        encoding: Encoding,
    ) -> Result<(GuestPtr<u8, A>, usize)> {
        Ok((self.text_bytes(text, encoding, false)?, encoding.len_bytes(text)))
    }

    fn text_bytes(
        &mut self,
        text: &str,
        encoding: Encoding,
        terminated: bool,
    ) -> Result<GuestPtr<u8, A>> {
        let bytes = encoding.encode(text)?;
        let unit = encoding.unit_bytes();
        let terminator = if terminated { unit } else { 0 };
        let address = self.alloc(bytes.len().checked_add(terminator), unit)?;
        let at = GuestPtr::<u8, A>::from_address(address);
        let mut view = self.view_mut();
        let room = view.bytes_mut(at, bytes.len() + terminator)?;
        room[..bytes.len()].copy_from_slice(&bytes);
        room[bytes.len()..].fill(0);
        Ok(at)
    }

    /// Takes over an allocation that the guest has made and handed out, so that it is freed with
    /// the others. A pinned AssemblyScript object is unpinned.
    ///
    /// # Errors
    ///
    /// When the pointer is null, or the guest has no allocator, or one that frees only what it is
    /// told the size of; [`Guest::adopt`] is for those.
    pub fn adopt<T>(&mut self, at: GuestPtr<T, A>) -> Result<()> {
        if at.is_null() {
            return Err(AccessError::Null.into());
        }
        if self.guest.heap()?.frees_by_size() {
            return Err(GuestError::NoAllocator(
                "its freeing function has to be told the size, which the host does not know".into(),
            )
            .into());
        }
        let unknown = A::truncate(0);
        self.blocks.push(Block { address: at.address(), size: unknown, align: unknown });
        Ok(())
    }

    /// An AssemblyScript object, pinned until the scope ends.
    pub(crate) fn object(&mut self, size: usize, class: u32) -> Result<GuestPtr<u8, A>> {
        let Heap::Objects(objects) = self.guest.heap()? else { return Err(not_its_guest().into()) };
        self.guest.sweep(&mut self.store)?;
        let address = new_object(self.guest, objects, &mut self.store, size, class)?;
        objects.pin.call(&mut self.store, (address,))?;
        let at = GuestPtr::from_address(address);
        self.adopt(at)?;
        Ok(at)
    }

    /// Where an AssemblyScript guest says what its classes are.
    pub(crate) fn rtti(&self) -> Result<u32, GuestError> {
        match self.guest.heap()? {
            Heap::Objects(objects) => Ok(objects.rtti),
            Heap::Pair { .. } => Err(not_its_guest()),
        }
    }

    /// Leaves what was allocated on the heap to somebody else.
    pub(crate) fn release(&mut self) {
        self.blocks.clear();
    }

    fn alloc(&mut self, size: Option<usize>, align: usize) -> Result<A> {
        let limit = self.guest.stack_limit();
        let fits = size.is_some_and(|size| size <= limit.saturating_sub(self.on_stack));
        let stack = match self.place {
            Place::Heap => false,
            Place::Stack => true,
            Place::Either => self.guest.has_stack() && (fits || !self.guest.has_heap()),
        };
        if !stack {
            self.guest.sweep(&mut self.store)?;
            let block = self.guest.alloc_bytes(&mut self.store, size, align)?;
            self.blocks.push(block);
            return Ok(block.address);
        }
        self.guest.stack()?;
        match size {
            Some(size) if fits => self.alloc_on_stack(size.max(1), align),
            size => Err(AccessError::TooLong {
                len: size.map_or(u64::MAX, |size| size as u64),
                limit: limit as u64,
            })
            .context("on the guest's stack"),
        }
    }

    fn alloc_on_stack(&mut self, size: usize, align: usize) -> Result<A> {
        let stack = self.guest.stack()?;
        if self.saved.is_none() {
            self.saved = match self.guest.take_stack_left() {
                Some(pointer) => Some(pointer),
                None => Some(stack.save(&mut self.store)?),
            };
        }
        let address = stack.alloc(&mut self.store, A::truncate(size as u64))?;
        // Each allocation is rounded up to 16 bytes.
        self.on_stack = self.on_stack.saturating_add(size.next_multiple_of(16));
        let memory = self.guest.memory().data_size(&self.store);
        check_allocation(address.into(), size as u64, align as u64, memory).map_err(|error| {
            match error {
                GuestError::Exhausted { size } => {
                    GuestError::BadAllocation { address: 0, size, reason: "no stack is there" }
                }
                error => error,
            }
        })?;
        Ok(address)
    }
}

fn is_interrupt(error: &palisade::Error) -> bool {
    error.downcast_ref::<Trap>() == Some(&Trap::Interrupt)
}

impl<C: AsContextMut, A: Address> AsContext for Scope<'_, C, A> {
    type Data = C::Data;

    fn as_context(&self) -> StoreContext<'_, C::Data> {
        self.store.as_context()
    }
}

impl<C: AsContextMut, A: Address> AsContextMut for Scope<'_, C, A> {
    fn as_context_mut(&mut self) -> StoreContextMut<'_, C::Data> {
        self.store.as_context_mut()
    }
}

impl<C, A: Address> fmt::Debug for Scope<'_, C, A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Scope").field("guest", self.guest).finish_non_exhaustive()
    }
}
