//! Functions, of the host and of guests.

#![forbid(unsafe_code)]

use crate::error::{Context, Error, Result};
use crate::vm::{
    FuncPtr, HostBody, IntoFunc, StoreId, StoreOpaque, ValRaw, WasmParams, WasmResults, call_array,
};
use crate::{AsContext, AsContextMut, Caller, FuncType, TypedFunc, Val};
use std::sync::Arc;

/// A function of a store: a guest's, or a closure of the host.
#[derive(Debug, Clone, Copy)]
pub struct Func {
    store: StoreId,
    func: FuncPtr,
}

impl Func {
    pub(crate) fn from_ptr(store: &StoreOpaque, func: FuncPtr) -> Func {
        Func { store: store.id(), func }
    }

    /// The function, after a check that `store` owns it.
    #[inline]
    pub(crate) fn ptr(self, store: &StoreOpaque) -> FuncPtr {
        store.check(self.store);
        self.func
    }

    /// A function of the host whose type is known at run time only. The closure finds its parameters in the first
    /// slice and fills the second, which holds zeros and nulls of the result types.
    ///
    /// # Panics
    ///
    /// If the type belongs to another engine, or its trampoline cannot be compiled (a type of thousands of values).
    pub fn new<T: 'static>(
        mut store: impl AsContextMut<Data = T>,
        ty: FuncType,
        func: impl Fn(Caller<'_, T>, &[Val], &mut [Val]) -> Result<()> + Send + Sync + 'static,
    ) -> Func {
        let body = HostBody::dynamic(ty, func);
        Func::of_body(store.as_context_mut().opaque(), body)
    }

    /// A function of the host from a closure over Rust types, optionally with a [`Caller`] first. Calls between it and
    /// wasm pass values in registers.
    pub fn wrap<T: 'static, Params, Results>(
        mut store: impl AsContextMut<Data = T>,
        func: impl IntoFunc<T, Params, Results>,
    ) -> Func {
        let store = store.as_context_mut().opaque();
        let body = func.into_body(store.engine());
        Func::of_body(store, body)
    }

    fn of_body(store: &mut StoreOpaque, body: HostBody) -> Func {
        let func = store.host_func(Arc::new(body)).expect("a type of this engine");
        Func::from_ptr(store, func)
    }

    /// Its type.
    pub fn ty(&self, store: impl AsContext) -> FuncType {
        let store = store.as_context().opaque();
        self.ptr(store).ty(store).func_type()
    }

    /// Calls it with values of run-time types. `results` must be as long as the type's results; what it holds is
    /// overwritten.
    ///
    /// # Errors
    ///
    /// When number or types of `params`, or the number of `results`, do not fit; when the function traps; when a host
    /// function that it calls fails.
    pub fn call(
        &self,
        mut store: impl AsContextMut,
        params: &[Val],
        results: &mut [Val],
    ) -> Result<()> {
        let store = store.as_context_mut().opaque();
        let func = self.ptr(store);
        let ty = func.ty(store).signature();
        if params.len() != ty.params.len() {
            let (expected, found) = (ty.params.len(), params.len());
            return Err(Error::usage(format!("expected {expected} arguments, got {found}")));
        }
        if results.len() != ty.results.len() {
            let (expected, found) = (ty.results.len(), results.len());
            return Err(Error::usage(format!("expected {expected} results, got {found}")));
        }
        // Few functions take more; a heap block would cost as much as the call.
        let mut few = [ValRaw::ZERO; 8];
        let mut many = Vec::new();
        let slots = match params.len().max(results.len()) {
            count if count <= few.len() => &mut few[..count],
            count => {
                many.resize(count, ValRaw::ZERO);
                &mut many[..]
            }
        };
        for (place, (value, ty)) in params.iter().zip(&ty.params).enumerate() {
            slots[place] = match value.number_to_raw(ty) {
                Some(raw) => raw,
                None => value
                    .to_raw(store, &func.ty(store).resolve(ty))
                    .with_context(|| format!("argument {place}"))?,
            };
        }
        call_array(store, func, slots)?;
        for (place, (result, slot)) in results.iter_mut().zip(&*slots).enumerate() {
            let ty = func.ty(store).signature().results[place].clone();
            *result = Val::from_raw(store, *slot, &ty);
        }
        Ok(())
    }

    /// A handle for calls with Rust types, checked once, here.
    ///
    /// # Errors
    ///
    /// When the function's type is not that of `Params` and `Results`.
    pub fn typed<Params: WasmParams, Results: WasmResults>(
        &self,
        store: impl AsContext,
    ) -> Result<TypedFunc<Params, Results>> {
        TypedFunc::new(store, *self)
    }
}
