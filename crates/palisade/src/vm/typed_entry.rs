//! Typed calls: the type is checked when the handle is made, so that a call checks nothing.

use super::activation::{call_array, call_typed};
use super::native::{FromSlots, IntoAbi, MAX_TUPLE};
use super::store::{FuncPtr, StoreOpaque};
use super::{ValRaw, WasmParams, WasmResults};
use crate::error::{Error, Result};
use palisade_environ::ValType;
use std::marker::PhantomData;
use std::ptr;

/// A function with parameters `P` and results `R`.
///
/// Invariant: `func` has the types of `P` and `R`. Unless `code` is null, `func` is a wasm function, `code` and `vmctx`
/// are its own, and all of `P` and `R` travel in registers.
pub(crate) struct TypedEntry<P, R> {
    func: FuncPtr,
    code: *const u8,
    vmctx: *mut u8,
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
        let in_registers = P::IN_REGISTERS && R::RETURNED_IN_REGISTERS;
        let (code, vmctx) = match func.get(store) {
            target if in_registers && !func.is_host(store) => (target.code, target.vmctx),
            _ => (ptr::null(), ptr::null_mut()),
        };
        Ok(TypedEntry { func, code, vmctx, of: PhantomData })
    }

    /// Calls it; `store` must own it, which the caller has checked.
    #[inline(always)]
    pub(crate) fn call(&self, store: &mut StoreOpaque, params: P) -> Result<R> {
        if const { P::IN_REGISTERS && R::RETURNED_IN_REGISTERS } && !self.code.is_null() {
            // SAFETY: by this type's invariant.
            return unsafe { call_typed::<P, R>(store, self.code, self.vmctx, params) };
        }
        self.call_in_slots(store, params)
    }

    #[cold]
    fn call_in_slots(&self, store: &mut StoreOpaque, params: P) -> Result<R> {
        let params = params.into_abi(store)?;
        let mut slots = [ValRaw::ZERO; MAX_TUPLE];
        P::put_slots(params, &mut slots);
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
