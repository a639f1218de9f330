//! Globals.

#![forbid(unsafe_code)]

use crate::error::{Error, Result};
use crate::vm::{GlobalData, StoreId, StoreOpaque};
use crate::{AsContext, AsContextMut, GlobalType, Mutability, Val};

/// A global of a store.
#[derive(Debug, Clone, Copy)]
pub struct Global {
    store: StoreId,
    index: u32,
}

impl Global {
    /// Makes a global in `store`.
    ///
    /// # Errors
    ///
    /// When `value` is not of the type's content.
    pub fn new(mut store: impl AsContextMut, ty: GlobalType, value: Val) -> Result<Global> {
        let store = store.as_context_mut().opaque();
        let raw = value.to_raw(store, ty.content())?;
        let index = GlobalData::create(store, ty, raw);
        Ok(Global::from_index(store, index))
    }

    pub(crate) fn from_index(store: &StoreOpaque, index: u32) -> Global {
        Global { store: store.id(), index }
    }

    pub(crate) fn index(self, store: &StoreOpaque) -> u32 {
        store.check(self.store);
        self.index
    }

    /// Its type.
    pub fn ty(&self, store: impl AsContext) -> GlobalType {
        let store = store.as_context().opaque();
        store.global(self.index(store)).ty().clone()
    }

    /// Its value.
    pub fn get(&self, mut store: impl AsContextMut) -> Val {
        let store = store.as_context_mut().opaque();
        let global = store.global(self.index(store));
        let (raw, ty) = (global.get(), global.ty().content().clone());
        Val::from_raw(store, raw, &ty)
    }

    /// Changes its value.
    ///
    /// # Errors
    ///
    /// When it is immutable, or the value not of its type.
    pub fn set(&self, mut store: impl AsContextMut, value: Val) -> Result<()> {
        let store = store.as_context_mut().opaque();
        let global = store.global(self.index(store));
        if global.ty().mutability() == Mutability::Const {
            return Err(Error::usage("immutable global cannot be set"));
        }
        global.set(value.to_raw(store, global.ty().content())?);
        Ok(())
    }
}
