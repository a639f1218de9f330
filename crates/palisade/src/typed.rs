//! Functions whose Rust types were checked once.

#![forbid(unsafe_code)]

use crate::error::Result;
use crate::vm::{TypedEntry, WasmParams, WasmResults};
use crate::{AsContext, AsContextMut, Func};

/// A function of known Rust types; made by [`Func::typed`].
///
/// Calls pass values in registers and check nothing but that the store is the function's own.
pub struct TypedFunc<Params, Results> {
    func: Func,
    entry: TypedEntry<Params, Results>,
}

impl<Params, Results> Clone for TypedFunc<Params, Results> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<Params, Results> Copy for TypedFunc<Params, Results> {}

impl<Params: WasmParams, Results: WasmResults> TypedFunc<Params, Results> {
    pub(crate) fn new(store: impl AsContext, func: Func) -> Result<Self> {
        let store = store.as_context().opaque();
        Ok(TypedFunc { func, entry: TypedEntry::new(store, func.ptr(store))? })
    }

    /// Calls it.
    ///
    /// # Errors
    ///
    /// When it traps, or a host function that it calls fails.
    // Inlined, the caller's loop saves its registers once instead of in each call.
    #[inline(always)]
    pub fn call(&self, mut store: impl AsContextMut, params: Params) -> Result<Results> {
        let store = store.as_context_mut().opaque();
        self.func.ptr(store);
        self.entry.call(store, params)
    }

    /// The function, without its Rust types.
    pub fn func(&self) -> &Func {
        &self.func
    }
}
