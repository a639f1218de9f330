//! Typed calls: the type is checked when the handle is made, so that a call checks nothing.

use super::activation::{call_array, call_native};
use super::native::{FromSlots, IntoAbi, MAX_TUPLE};
use super::store::{FuncPtr, StoreOpaque};
use super::trampolines::trampoline;
use super::{ValRaw, WasmParams, WasmResults};
use crate::error::{Error, Result};
use palisade_compile::TrampolineKind;
use palisade_environ::ValType;
use std::marker::PhantomData;

/// A function with the trampoline for calls with parameters `P` and results `R`.
///
/// Invariant: `func` has the types of `P` and `R`, and `entry`, unless it is null because the host itself implements
/// the function, is the native entry trampoline of that type.
pub(crate) struct TypedEntry<P, R> {
    func: FuncPtr,
    entry: *const u8,
    of: PhantomData<fn(P) -> R>,
}

// SAFETY: the pointers are to code and to a function reference, which are only used with their store at hand.
unsafe impl<P, R> Send for TypedEntry<P, R> {}
// SAFETY: likewise.
unsafe impl<P, R> Sync for TypedEntry<P, R> {}

impl<P, R> Clone for TypedEntry<P, R> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<P, R> Copy for TypedEntry<P, R> {}

impl<P: WasmParams, R: WasmResults> TypedEntry<P, R> {
    /// Checks the type of `func`, a function of `store`.
    ///
    /// # Errors
    ///
    /// When the types differ.
    pub(crate) fn new(store: &StoreOpaque, func: FuncPtr) -> Result<Self> {
        let ty = func.ty(store);
        let full = ty.func_type();
        check("parameters", &P::types(), full.params(), |given, taken| given.matches(taken))?;
        check("results", &R::types(), full.results(), |taken, given| given.matches(taken))?;
        let entry = if func.is_host(store) {
            std::ptr::null()
        } else {
            trampoline(store.engine().compiler(), ty, TrampolineKind::EntryNative)?
        };
        Ok(TypedEntry { func, entry, of: PhantomData })
    }

    /// Calls it; `store` must own it, which the caller has checked.
    #[inline]
    pub(crate) fn call(&self, store: &mut StoreOpaque, params: P) -> Result<R> {
        if self.entry.is_null() {
            return self.call_host(store, params);
        }
        // SAFETY: by this type's invariant.
        unsafe { call_native::<P, R>(store, self.func, self.entry, params) }
    }

    #[cold]
    fn call_host(&self, store: &mut StoreOpaque, params: P) -> Result<R> {
        let params = params.into_abi(store)?;
        let mut slots = [ValRaw::ZERO; MAX_TUPLE];
        for (slot, param) in slots.iter_mut().zip(P::slots(params)) {
            *slot = param;
        }
        call_array(store, self.func, &mut slots)?;
        Ok(R::from_slot_values(&slots, store))
    }
}

fn check(
    what: &str,
    expected: &[ValType],
    actual: impl Iterator<Item = ValType>,
    fits: impl Fn(&ValType, &ValType) -> bool,
) -> Result<()> {
    let actual: Vec<ValType> = actual.collect();
    let same_len = expected.len() == actual.len();
    if same_len && expected.iter().zip(&actual).all(|(expected, actual)| fits(expected, actual)) {
        return Ok(());
    }
    let list = |types: &[ValType]| {
        let names: Vec<String> = types.iter().map(ValType::to_string).collect();
        format!("({})", names.join(", "))
    };
    Err(Error::usage(format!(
        "type mismatch with {what}: expected {}, the function has {}",
        list(expected),
        list(&actual)
    )))
}
