//! Values of the host that guests can hold.

#![forbid(unsafe_code)]

use crate::error::Result;
use crate::vm::RootedRef;
use crate::{AsContext, AsContextMut, StoreContext, StoreContextMut};
use std::any::Any;
use std::marker::PhantomData;

/// Any Rust value, held by a store on behalf of guests; named through [`Rooted`].
///
/// It is dropped when neither a root nor a guest refers to it and the store collects ([`Store::gc`](crate::Store::gc),
/// or by itself after many have been made), at the latest when the store drops.
#[derive(Debug)]
pub struct ExternRef(());

/// A reference that the host holds.
///
/// It keeps what it refers to until its scope ends: the host function call, or the [`RootScope`], in which it was made;
/// outside of both, the store's life. Afterwards its use is an error.
#[derive(Debug)]
pub struct Rooted<T> {
    inner: RootedRef,
    of: PhantomData<fn() -> T>,
}

impl<T> Clone for Rooted<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Rooted<T> {}

impl<T> Rooted<T> {
    pub(crate) fn from_inner(inner: RootedRef) -> Self {
        Rooted { inner, of: PhantomData }
    }

    pub(crate) fn inner(self) -> RootedRef {
        self.inner
    }

    /// Whether `a` and `b` refer to the same value.
    ///
    /// # Errors
    ///
    /// When one of them is used after its scope.
    pub fn ref_eq(store: impl AsContext, a: &Rooted<T>, b: &Rooted<T>) -> Result<bool> {
        let store = store.as_context().opaque();
        Ok(store.rooted_raw(a.inner)? == store.rooted_raw(b.inner)?)
    }
}

impl ExternRef {
    /// Gives `value` to the store and roots it.
    ///
    /// # Errors
    ///
    /// When the store holds too many values (2^32).
    pub fn new<V: Any + Send + Sync>(
        mut store: impl AsContextMut,
        value: V,
    ) -> Result<Rooted<ExternRef>> {
        let inner = store.as_context_mut().opaque().new_externref(Box::new(value))?;
        Ok(Rooted::from_inner(inner))
    }
}

impl Rooted<ExternRef> {
    /// The value. wasmtime gives `None` for references that the host has not made; here there are none.
    ///
    /// # Errors
    ///
    /// When the reference is used after its scope.
    pub fn data<'a, T: 'static>(
        &self,
        store: impl Into<StoreContext<'a, T>>,
    ) -> Result<Option<&'a (dyn Any + Send + Sync)>> {
        store.into().opaque().externref_value(self.inner).map(Some)
    }

    /// The value, to be changed.
    ///
    /// # Errors
    ///
    /// When the reference is used after its scope.
    pub fn data_mut<'a, T: 'static>(
        &self,
        store: impl Into<StoreContextMut<'a, T>>,
    ) -> Result<Option<&'a mut (dyn Any + Send + Sync)>> {
        store.into().opaque().externref_value_mut(self.inner).map(Some)
    }
}

/// A scope for references that the host holds: those made through it end with it.
pub struct RootScope<C: AsContextMut> {
    store: C,
    depth: usize,
}

impl<C: AsContextMut> RootScope<C> {
    /// Begins a scope.
    pub fn new(store: C) -> Self {
        let depth = store.as_context().opaque().begin_root_scope();
        RootScope { store, depth }
    }
}

impl<C: AsContextMut> AsContext for RootScope<C> {
    type Data = C::Data;
    fn as_context(&self) -> StoreContext<'_, C::Data> {
        self.store.as_context()
    }
}

impl<C: AsContextMut> AsContextMut for RootScope<C> {
    fn as_context_mut(&mut self) -> StoreContextMut<'_, C::Data> {
        self.store.as_context_mut()
    }
}

impl<C: AsContextMut> Drop for RootScope<C> {
    fn drop(&mut self) {
        self.store.as_context_mut().opaque().end_root_scope(self.depth);
    }
}
