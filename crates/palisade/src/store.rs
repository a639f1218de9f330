//! Stores, and the borrows of them that the API works with.

#![forbid(unsafe_code)]

use crate::limits::ResourceLimiter;
use crate::vm::{CallerPtr, Interrupt, StoreBox, StoreInner, StoreOpaque};
use crate::{Engine, Extern, Instance};
use std::fmt;

/// Owns instances with all that belongs to them, and a value of the host.
///
/// Items of a store (functions, memories, instances ...) are handles; each use of one names the store. Everything is
/// freed when the store drops. Using an item with another store panics.
pub struct Store<T: 'static>(StoreBox<T>);

/// A shared borrow of a [`Store`].
pub struct StoreContext<'a, T: 'static>(&'a StoreInner<T>);

/// An exclusive borrow of a [`Store`].
pub struct StoreContextMut<'a, T: 'static>(&'a mut StoreInner<T>);

/// What a host function sees of the store and the instance that calls it.
pub struct Caller<'a, T: 'static> {
    store: StoreContextMut<'a, T>,
    caller: CallerPtr,
}

/// What a store can be read through: the store, a [`StoreContext`], a [`Caller`], and references to them.
pub trait AsContext {
    /// The type of the store's data.
    type Data: 'static;

    /// Borrows the store.
    fn as_context(&self) -> StoreContext<'_, Self::Data>;
}

/// What a store can be changed through.
pub trait AsContextMut: AsContext {
    /// Borrows the store exclusively.
    fn as_context_mut(&mut self) -> StoreContextMut<'_, Self::Data>;
}

impl<T: 'static> Store<T> {
    /// An empty store with `data` of the host's.
    pub fn new(engine: &Engine, data: T) -> Store<T> {
        Store(StoreBox::new(engine, data))
    }

    /// The host's data.
    pub fn data(&self) -> &T {
        self.0.get().data()
    }

    /// The host's data, to be changed.
    pub fn data_mut(&mut self) -> &mut T {
        self.0.get_mut().data_mut()
    }

    /// Drops all that the store owns, except for the host's data.
    pub fn into_data(self) -> T {
        self.0.into_data()
    }

    /// The engine that the store belongs to.
    pub fn engine(&self) -> &Engine {
        self.0.get().opaque().engine()
    }

    /// Sets what is asked before guests of this store get memories, tables or instances, or more of them.
    pub fn limiter(
        &mut self,
        limiter: impl (Fn(&mut T) -> &mut dyn ResourceLimiter) + Send + Sync + 'static,
    ) {
        self.0.get_mut().set_limiter(Box::new(limiter));
    }

    pub(crate) fn interrupt(&self) -> Interrupt {
        self.0.get().opaque().interrupt()
    }

    /// Drops values of the host, and exceptions, that no guest of this store and no root refers to any more.
    pub fn gc(&mut self) {
        self.as_context_mut().gc();
    }
}

impl<T: fmt::Debug> fmt::Debug for Store<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Store").field("data", self.data()).finish_non_exhaustive()
    }
}

impl<'a, T> StoreContext<'a, T> {
    /// The host's data.
    pub fn data(&self) -> &'a T {
        self.0.data()
    }

    /// The engine that the store belongs to.
    pub fn engine(&self) -> &Engine {
        self.0.opaque().engine()
    }

    pub(crate) fn opaque(self) -> &'a StoreOpaque {
        self.0.opaque()
    }
}

impl<'a, T> StoreContextMut<'a, T> {
    pub(crate) fn new(inner: &'a mut StoreInner<T>) -> Self {
        StoreContextMut(inner)
    }

    /// The host's data.
    pub fn data(&self) -> &T {
        self.0.data()
    }

    /// The host's data, to be changed.
    pub fn data_mut(&mut self) -> &mut T {
        self.0.data_mut()
    }

    /// The engine that the store belongs to.
    pub fn engine(&self) -> &Engine {
        self.0.opaque().engine()
    }

    pub(crate) fn interrupt(&self) -> Interrupt {
        self.0.opaque().interrupt()
    }

    /// Drops values of the host, and exceptions, that nothing refers to any more. While wasm of this store is active, what
    /// looks like a reference on the stack counts as one.
    pub fn gc(&mut self) {
        self.0.opaque_mut().collect_refs();
    }

    #[inline]
    pub(crate) fn opaque(self) -> &'a mut StoreOpaque {
        self.0.opaque_mut()
    }

    pub(crate) fn inner(self) -> &'a mut StoreInner<T> {
        self.0
    }
}

impl<'a, T> Caller<'a, T> {
    pub(crate) fn new(store: StoreContextMut<'a, T>, caller: CallerPtr) -> Self {
        Caller { store, caller }
    }

    pub(crate) fn reborrow(&mut self) -> Caller<'_, T> {
        Caller { store: StoreContextMut(self.store.0), caller: self.caller }
    }

    pub(crate) fn opaque(&mut self) -> &mut StoreOpaque {
        self.store.0.opaque_mut()
    }

    /// An export of the calling instance; `None` also if the host itself calls.
    pub fn get_export(&mut self, name: &str) -> Option<Extern> {
        let index = self.caller.instance()?;
        let instance = Instance::from_index(self.opaque(), index);
        instance.get_export(&mut self.store, name)
    }

    /// The host's data.
    pub fn data(&self) -> &T {
        self.store.data()
    }

    /// The host's data, to be changed.
    pub fn data_mut(&mut self) -> &mut T {
        self.store.data_mut()
    }

    /// The engine that the store belongs to.
    pub fn engine(&self) -> &Engine {
        self.store.engine()
    }

    /// Drops values of the host that nothing refers to any more; see [`StoreContextMut::gc`].
    pub fn gc(&mut self) {
        self.store.gc();
    }
}

impl<T> AsContext for Store<T> {
    type Data = T;
    #[inline]
    fn as_context(&self) -> StoreContext<'_, T> {
        StoreContext(self.0.get())
    }
}

impl<T> AsContextMut for Store<T> {
    #[inline]
    fn as_context_mut(&mut self) -> StoreContextMut<'_, T> {
        StoreContextMut(self.0.get_mut())
    }
}

impl<T> AsContext for StoreContext<'_, T> {
    type Data = T;
    #[inline]
    fn as_context(&self) -> StoreContext<'_, T> {
        StoreContext(self.0)
    }
}

impl<T> AsContext for StoreContextMut<'_, T> {
    type Data = T;
    #[inline]
    fn as_context(&self) -> StoreContext<'_, T> {
        StoreContext(self.0)
    }
}

impl<T> AsContextMut for StoreContextMut<'_, T> {
    #[inline]
    fn as_context_mut(&mut self) -> StoreContextMut<'_, T> {
        StoreContextMut(self.0)
    }
}

impl<T> AsContext for Caller<'_, T> {
    type Data = T;
    fn as_context(&self) -> StoreContext<'_, T> {
        StoreContext(self.store.0)
    }
}

impl<T> AsContextMut for Caller<'_, T> {
    fn as_context_mut(&mut self) -> StoreContextMut<'_, T> {
        StoreContextMut(self.store.0)
    }
}

impl<C: AsContext> AsContext for &C {
    type Data = C::Data;
    #[inline]
    fn as_context(&self) -> StoreContext<'_, C::Data> {
        C::as_context(self)
    }
}

impl<C: AsContext> AsContext for &mut C {
    type Data = C::Data;
    #[inline]
    fn as_context(&self) -> StoreContext<'_, C::Data> {
        C::as_context(self)
    }
}

impl<C: AsContextMut> AsContextMut for &mut C {
    #[inline]
    fn as_context_mut(&mut self) -> StoreContextMut<'_, C::Data> {
        C::as_context_mut(self)
    }
}

impl<'a, T: AsContext> From<&'a T> for StoreContext<'a, T::Data> {
    fn from(store: &'a T) -> Self {
        store.as_context()
    }
}

impl<'a, T: AsContextMut> From<&'a mut T> for StoreContextMut<'a, T::Data> {
    fn from(store: &'a mut T) -> Self {
        store.as_context_mut()
    }
}
