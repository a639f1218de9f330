//! How Rust's types cross the host boundary.
//!
//! Into wasm, values travel in registers as between compiled functions, or all take a slot of 16 bytes each. Out of wasm,
//! there is the native ABI, in which each value travels as the C type of its machine type, in a register where the
//! platform's convention has one, and several results take slots; and the array ABI, in which all values take slots. The
//! traits here are implemented for the types that can cross; they cannot be implemented elsewhere.

use super::store::{FuncPtr, StoreOpaque};
use crate::error::{Error, Result};
use crate::{ExnRef, ExternRef, Func, Rooted, V128};
use palisade_environ::{HeapType, RefType, Signature, ValType};
use palisade_sys::Vector;
use palisade_sys::enter::{self, Arguments, Returned};

/// A value slot: a value of any type in its first bytes.
#[derive(Debug, Clone, Copy)]
#[repr(C, align(16))]
pub struct ValRaw([u8; 16]);

impl ValRaw {
    pub(crate) const ZERO: ValRaw = ValRaw([0; 16]);

    pub(crate) fn from_u64(value: u64) -> ValRaw {
        ValRaw((value as u128).to_le_bytes())
    }

    pub(crate) fn u64(self) -> u64 {
        u128::from_le_bytes(self.0) as u64
    }

    pub(crate) fn u32(self) -> u32 {
        self.u64() as u32
    }

    pub(crate) fn from_u128(value: u128) -> ValRaw {
        ValRaw(value.to_le_bytes())
    }

    pub(crate) fn u128(self) -> u128 {
        u128::from_le_bytes(self.0)
    }

    pub(super) fn to_bytes(self) -> [u8; 16] {
        self.0
    }

    pub(super) fn from_bytes(bytes: [u8; 16]) -> ValRaw {
        ValRaw(bytes)
    }

    /// As the next argument of a call, of type `ty`.
    #[inline(always)]
    pub(super) fn pass(self, ty: &ValType, arguments: &mut Arguments) {
        match Class::of(ty) {
            Class::Int => arguments.push_int(self.u64()),
            Class::Vector => arguments.push_vector(Vector::from_bits(self.u128())),
        }
    }

    /// The next result of a call, of type `ty`.
    #[inline(always)]
    pub(super) fn take(ty: &ValType, returned: &mut Returned) -> ValRaw {
        match ty {
            ValType::I32 => <u32 as NativeAbi>::take(returned).into_slot(),
            ValType::I64 | ValType::Ref(_) => <u64 as NativeAbi>::take(returned).into_slot(),
            ValType::F32 => <f32 as NativeAbi>::take(returned).into_slot(),
            ValType::F64 => <f64 as NativeAbi>::take(returned).into_slot(),
            ValType::V128 => <Vector as NativeAbi>::take(returned).into_slot(),
        }
    }
}

/// A C type that carries a value across the boundary.
pub trait NativeAbi: Copy + sealed::Sealed {
    /// What is returned when there is nothing to return because wasm is being left.
    const ZERO: Self;
    /// As a slot, with its upper bits zero.
    fn into_slot(self) -> ValRaw;
    /// From a slot, whose upper bits are ignored.
    fn from_slot(slot: ValRaw) -> Self;
    /// Which registers it travels in.
    const CLASS: Class;
    /// As the next argument of a call.
    fn pass(self, arguments: &mut Arguments);
    /// The next result of a call.
    fn take(returned: &mut Returned) -> Self;
}

/// The registers that values travel in between compiled functions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[doc(hidden)]
pub enum Class {
    Int,
    Vector,
}

impl Class {
    /// Where values of type `ty` travel.
    pub(super) fn of(ty: &ValType) -> Class {
        match ty {
            ValType::I32 | ValType::I64 | ValType::Ref(_) => Class::Int,
            ValType::F32 | ValType::F64 | ValType::V128 => Class::Vector,
        }
    }
}

/// Whether so many parameters, some of them in integer registers, all travel in registers.
const fn params_fit(all: usize, ints: usize) -> bool {
    ints <= enter::INT_ARGUMENTS && all - ints <= enter::VECTOR_ARGUMENTS
}

/// Likewise for results.
const fn results_fit(all: usize, ints: usize) -> bool {
    ints <= enter::INT_RESULTS && all - ints <= enter::VECTOR_RESULTS
}

/// How many values travel in integer registers.
const fn ints(classes: &[Class]) -> usize {
    let (mut place, mut ints) = (0, 0);
    while place < classes.len() {
        ints += matches!(classes[place], Class::Int) as usize;
        place += 1;
    }
    ints
}

/// Whether all parameters and results of a function travel in registers when the host calls it.
pub(crate) fn fits_registers(signature: &Signature) -> bool {
    let ints = |types: &[ValType]| types.iter().filter(|ty| Class::of(ty) == Class::Int).count();
    let (params, results) = (&signature.params, &signature.results);
    params_fit(params.len(), ints(params)) && results_fit(results.len(), ints(results))
}

mod sealed {
    pub trait Sealed {}
}

macro_rules! native_abi {
    ($($ty:ident: $zero:literal, |$value:ident| $bits:expr, |$raw:ident| $from:expr,
       $class:ident, |$pass:ident, $args:ident| $push:expr, |$ret:ident| $next:expr;)*) => {$(
        impl sealed::Sealed for $ty {}
        impl NativeAbi for $ty {
            const ZERO: Self = $zero;
            #[inline]
            fn into_slot(self) -> ValRaw { let $value = self; ValRaw::from_u64($bits) }
            #[inline]
            fn from_slot(slot: ValRaw) -> Self { let $raw = slot.u64(); $from }
            const CLASS: Class = Class::$class;
            #[inline(always)]
            fn pass(self, $args: &mut Arguments) { let $pass = self; $push }
            #[inline(always)]
            fn take($ret: &mut Returned) -> Self { $next }
        }
    )*};
}

native_abi! {
    i32: 0, |value| u64::from(value as u32), |bits| bits as i32,
        Int, |value, to| to.push_int(u64::from(value as u32)), |from| from.next_int() as i32;
    u32: 0, |value| u64::from(value), |bits| bits as u32,
        Int, |value, to| to.push_int(u64::from(value)), |from| from.next_int() as u32;
    i64: 0, |value| value as u64, |bits| bits as i64,
        Int, |value, to| to.push_int(value as u64), |from| from.next_int() as i64;
    u64: 0, |value| value, |bits| bits,
        Int, |value, to| to.push_int(value), |from| from.next_int();
    f32: 0.0, |value| u64::from(value.to_bits()), |bits| f32::from_bits(bits as u32),
        Vector, |value, to| to.push_vector(Vector::from_f32(value)), |from| from.next_vector().f32();
    f64: 0.0, |value| value.to_bits(), |bits| f64::from_bits(bits),
        Vector, |value, to| to.push_vector(Vector::from_f64(value)), |from| from.next_vector().f64();
}

impl sealed::Sealed for Vector {}

impl NativeAbi for Vector {
    const ZERO: Self = Vector::ZERO;
    #[inline]
    fn into_slot(self) -> ValRaw {
        ValRaw::from_u128(self.bits())
    }
    #[inline]
    fn from_slot(slot: ValRaw) -> Self {
        Vector::from_bits(slot.u128())
    }
    const CLASS: Class = Class::Vector;
    #[inline(always)]
    fn pass(self, arguments: &mut Arguments) {
        arguments.push_vector(self);
    }
    #[inline(always)]
    fn take(returned: &mut Returned) -> Self {
        returned.next_vector()
    }
}

/// A Rust type that stands for one WebAssembly value in typed calls.
///
/// `i32` and `u32` stand for `i32`, `i64` and `u64` for `i64`, `f32`, `f64`, [`V128`], `Option<Func>` for `funcref`,
/// `Option<Rooted<ExternRef>>` for `externref`, `Option<Rooted<ExnRef>>` for `exnref`, and without `Option` for the
/// references of that kind that are not null.
///
/// # Safety
///
/// Not for implementation elsewhere: compiled code relies on [`Self::Abi`] being the machine type of
/// [`Self::valtype`].
pub unsafe trait WasmTy: Send {
    /// How it travels.
    #[doc(hidden)]
    type Abi: NativeAbi;
    /// The WebAssembly type.
    fn valtype() -> ValType;
    #[doc(hidden)]
    fn into_abi(self, store: &mut StoreRef<'_>) -> Result<Self::Abi>;
    #[doc(hidden)]
    fn from_abi(abi: Self::Abi, store: &mut StoreRef<'_>) -> Self;
}

/// A store, hidden from the public API.
#[doc(hidden)]
pub struct StoreRef<'a>(pub(super) &'a mut StoreOpaque);

macro_rules! numbers {
    ($($ty:ident => $val:ident;)*) => {$(
        // SAFETY: the C type and the machine type of this value are the same.
        unsafe impl WasmTy for $ty {
            type Abi = $ty;
            fn valtype() -> ValType { ValType::$val }
            #[inline]
            fn into_abi(self, _: &mut StoreRef<'_>) -> Result<$ty> { Ok(self) }
            #[inline]
            fn from_abi(abi: $ty, _: &mut StoreRef<'_>) -> $ty { abi }
        }
    )*};
}

numbers! {
    i32 => I32; u32 => I32; i64 => I64; u64 => I64; f32 => F32; f64 => F64;
}

// SAFETY: `Vector` is the C type of the machine type of vectors.
unsafe impl WasmTy for V128 {
    type Abi = Vector;
    fn valtype() -> ValType {
        ValType::V128
    }
    #[inline]
    fn into_abi(self, _: &mut StoreRef<'_>) -> Result<Vector> {
        Ok(Vector::from_bits(self.as_u128()))
    }
    #[inline]
    fn from_abi(abi: Vector, _: &mut StoreRef<'_>) -> V128 {
        V128::from(abi.bits())
    }
}

// SAFETY: a funcref is a pointer; compiled code sees references as 64-bit integers.
unsafe impl WasmTy for Option<Func> {
    type Abi = u64;
    fn valtype() -> ValType {
        ValType::FUNCREF
    }
    fn into_abi(self, store: &mut StoreRef<'_>) -> Result<u64> {
        Ok(self.map_or(0, |func| func.ptr(store.0).raw()))
    }
    fn from_abi(abi: u64, store: &mut StoreRef<'_>) -> Self {
        // SAFETY: compiled code of this store has given a funcref.
        let func = unsafe { FuncPtr::from_raw(abi) };
        func.map(|func| Func::from_ptr(store.0, func))
    }
}

// SAFETY: as above; a type without null.
unsafe impl WasmTy for Func {
    type Abi = u64;
    fn valtype() -> ValType {
        RefType::new(false, HeapType::Func).into()
    }
    fn into_abi(self, store: &mut StoreRef<'_>) -> Result<u64> {
        WasmTy::into_abi(Some(self), store)
    }
    fn from_abi(abi: u64, store: &mut StoreRef<'_>) -> Self {
        <Option<Func> as WasmTy>::from_abi(abi, store).expect("a reference that is not null")
    }
}

macro_rules! handles {
    ($($ty:ident => $heap:ident;)*) => {$(
        // SAFETY: these references are handles in a 64-bit integer.
        unsafe impl WasmTy for Option<Rooted<$ty>> {
            type Abi = u64;
            fn valtype() -> ValType {
                RefType::new(true, HeapType::$heap).into()
            }
            fn into_abi(self, store: &mut StoreRef<'_>) -> Result<u64> {
                self.map_or(Ok(0), |rooted| store.0.rooted_raw(rooted.inner()))
            }
            fn from_abi(abi: u64, store: &mut StoreRef<'_>) -> Self {
                store.0.root_raw(abi).map(Rooted::from_inner)
            }
        }

        // SAFETY: likewise; a type without null.
        unsafe impl WasmTy for Rooted<$ty> {
            type Abi = u64;
            fn valtype() -> ValType {
                RefType::new(false, HeapType::$heap).into()
            }
            fn into_abi(self, store: &mut StoreRef<'_>) -> Result<u64> {
                store.0.rooted_raw(self.inner())
            }
            fn from_abi(abi: u64, store: &mut StoreRef<'_>) -> Self {
                let root = store.0.root_raw(abi).expect("a reference that is not null");
                Rooted::from_inner(root)
            }
        }
    )*};
}

handles! {
    ExternRef => Extern;
    ExnRef => Exn;
}

impl StoreOpaque {
    /// The function that compiled code of this store refers to by `raw`.
    pub(crate) fn func_from_raw(&self, raw: u64) -> Option<FuncPtr> {
        // SAFETY: callers have `raw` from a table, global or slot of this store.
        unsafe { FuncPtr::from_raw(raw) }
    }
}

/// Parameters of a typed call: a [`WasmTy`] or a tuple of them.
///
/// # Safety
///
/// Not for implementation elsewhere.
pub unsafe trait WasmParams: Send {
    #[doc(hidden)]
    type Abi;
    #[doc(hidden)]
    fn types() -> Vec<ValType>;
    #[doc(hidden)]
    fn into_abi_ref(self, store: &mut StoreRef<'_>) -> Result<Self::Abi>;
    /// One slot each, in order.
    #[doc(hidden)]
    fn put_slots(abi: Self::Abi, slots: &mut [ValRaw; MAX_TUPLE]);
    /// Whether all travel in registers.
    #[doc(hidden)]
    const IN_REGISTERS: bool;
    /// As arguments in registers; only if all are [`IN_REGISTERS`](Self::IN_REGISTERS).
    #[doc(hidden)]
    fn pass(abi: Self::Abi, arguments: &mut Arguments);
}

/// Crate-internal entry to [`WasmParams::into_abi_ref`].
pub(super) trait IntoAbi: WasmParams {
    #[inline]
    fn into_abi(self, store: &mut StoreOpaque) -> Result<Self::Abi>
    where
        Self: Sized,
    {
        self.into_abi_ref(&mut StoreRef(store))
    }
}

impl<P: WasmParams> IntoAbi for P {}

/// Results of a typed call: `()`, a [`WasmTy`] or a tuple of them.
///
/// # Safety
///
/// Not for implementation elsewhere.
pub unsafe trait WasmResults: WasmParams {
    /// What a call gives before it is turned into `Self`.
    #[doc(hidden)]
    type Raw;
    /// Whether all travel in registers.
    #[doc(hidden)]
    const RETURNED_IN_REGISTERS: bool;
    /// From registers; only if all are [`RETURNED_IN_REGISTERS`](Self::RETURNED_IN_REGISTERS).
    #[doc(hidden)]
    fn take(returned: &mut Returned) -> Self::Raw;
    #[doc(hidden)]
    fn from_raw_ref(raw: Self::Raw, store: &mut StoreRef<'_>) -> Self;
    #[doc(hidden)]
    fn from_slots(slots: &[ValRaw], store: &mut StoreRef<'_>) -> Self;
}

/// Crate-internal entry to [`WasmResults::from_raw_ref`].
pub(super) trait FromRaw: WasmResults {
    #[inline]
    fn from_raw(raw: Self::Raw, store: &mut StoreOpaque) -> Self
    where
        Self: Sized,
    {
        Self::from_raw_ref(raw, &mut StoreRef(store))
    }
}

impl<R: WasmResults> FromRaw for R {}

/// Crate-internal entry to [`WasmResults::from_slots`].
pub(super) trait FromSlots: WasmResults {
    fn from_slot_values(slots: &[ValRaw], store: &mut StoreOpaque) -> Self
    where
        Self: Sized,
    {
        Self::from_slots(slots, &mut StoreRef(store))
    }
}

impl<R: WasmResults> FromSlots for R {}

/// The most values that a tuple of a typed call holds.
pub(crate) const MAX_TUPLE: usize = 16;

// SAFETY: one value, which travels as its own ABI says.
unsafe impl<T: WasmTy> WasmParams for T {
    type Abi = T::Abi;
    fn types() -> Vec<ValType> {
        vec![T::valtype()]
    }
    #[inline]
    fn into_abi_ref(self, store: &mut StoreRef<'_>) -> Result<T::Abi> {
        self.into_abi(store)
    }
    fn put_slots(abi: T::Abi, slots: &mut [ValRaw; MAX_TUPLE]) {
        slots[0] = abi.into_slot();
    }
    const IN_REGISTERS: bool = true;
    #[inline(always)]
    fn pass(abi: T::Abi, arguments: &mut Arguments) {
        abi.pass(arguments);
    }
}

// SAFETY: one result, which travels as its own ABI says.
unsafe impl<T: WasmTy> WasmResults for T {
    type Raw = T::Abi;
    const RETURNED_IN_REGISTERS: bool = true;
    #[inline(always)]
    fn take(returned: &mut Returned) -> T::Abi {
        T::Abi::take(returned)
    }
    #[inline]
    fn from_raw_ref(raw: T::Abi, store: &mut StoreRef<'_>) -> T {
        T::from_abi(raw, store)
    }
    fn from_slots(slots: &[ValRaw], store: &mut StoreRef<'_>) -> T {
        T::from_abi(T::Abi::from_slot(slots[0]), store)
    }
}

/// Gives a macro the tuples of two elements and more.
macro_rules! of_several {
    ($macro:ident) => {
        $macro! {
            (A 0, B 1);
            (A 0, B 1, C 2);
            (A 0, B 1, C 2, D 3);
            (A 0, B 1, C 2, D 3, E 4);
            (A 0, B 1, C 2, D 3, E 4, F 5);
            (A 0, B 1, C 2, D 3, E 4, F 5, G 6);
            (A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7);
            (A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7, I 8);
            (A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7, I 8, J 9);
            (A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7, I 8, J 9, K 10);
            (A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7, I 8, J 9, K 10, L 11);
            (A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7, I 8, J 9, K 10, L 11, M 12);
            (A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7, I 8, J 9, K 10, L 11, M 12, N 13);
            (A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7, I 8, J 9, K 10, L 11, M 12, N 13, O 14);
            (A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7, I 8, J 9, K 10, L 11, M 12, N 13, O 14, P 15);
        }
    };
}

macro_rules! tuples {
    ($(($($T:ident $place:tt),*);)*) => {$(
        // SAFETY: each element travels as its own ABI says.
        unsafe impl<$($T: WasmTy),*> WasmParams for ($($T,)*) {
            type Abi = ($($T::Abi,)*);
            fn types() -> Vec<ValType> { vec![$($T::valtype()),*] }
            #[inline]
            fn into_abi_ref(self, _store: &mut StoreRef<'_>) -> Result<Self::Abi> {
                Ok(($(self.$place.into_abi(_store)?,)*))
            }
            fn put_slots(_abi: Self::Abi, _slots: &mut [ValRaw; MAX_TUPLE]) {
                $(_slots[$place] = _abi.$place.into_slot();)*
            }
            const IN_REGISTERS: bool = {
                let classes: &[Class] = &[$($T::Abi::CLASS),*];
                params_fit(classes.len(), ints(classes))
            };
            #[inline(always)]
            fn pass(_abi: Self::Abi, _arguments: &mut Arguments) {
                $(_abi.$place.pass(_arguments);)*
            }
        }
    )*};
}

macro_rules! tuple_results {
    ($(($($T:ident $place:tt),*);)*) => {$(
        // SAFETY: each result travels as its own ABI says.
        unsafe impl<$($T: WasmTy),*> WasmResults for ($($T,)*) {
            type Raw = ($($T::Abi,)*);
            const RETURNED_IN_REGISTERS: bool = {
                let classes: &[Class] = &[$($T::Abi::CLASS),*];
                results_fit(classes.len(), ints(classes))
            };
            #[inline(always)]
            fn take(returned: &mut Returned) -> Self::Raw { ($($T::Abi::take(returned),)*) }
            #[inline]
            fn from_raw_ref(raw: Self::Raw, store: &mut StoreRef<'_>) -> Self {
                ($($T::from_abi(raw.$place, store),)*)
            }
            fn from_slots(slots: &[ValRaw], store: &mut StoreRef<'_>) -> Self {
                ($($T::from_abi($T::Abi::from_slot(slots[$place]), store),)*)
            }
        }
    )*};
}

// SAFETY: no result.
unsafe impl WasmResults for () {
    type Raw = ();
    const RETURNED_IN_REGISTERS: bool = true;
    #[inline(always)]
    fn take(_: &mut Returned) {}
    #[inline]
    fn from_raw_ref(_: (), _: &mut StoreRef<'_>) {}
    fn from_slots(_: &[ValRaw], _: &mut StoreRef<'_>) {}
}

// SAFETY: one result, wrapped in a tuple.
unsafe impl<T: WasmTy> WasmResults for (T,) {
    type Raw = T::Abi;
    const RETURNED_IN_REGISTERS: bool = true;
    #[inline(always)]
    fn take(returned: &mut Returned) -> T::Abi {
        T::Abi::take(returned)
    }
    #[inline]
    fn from_raw_ref(raw: T::Abi, store: &mut StoreRef<'_>) -> (T,) {
        (T::from_abi(raw, store),)
    }
    fn from_slots(slots: &[ValRaw], store: &mut StoreRef<'_>) -> (T,) {
        (T::from_abi(T::Abi::from_slot(slots[0]), store),)
    }
}

tuples! {
    ();
    (A 0);
}

of_several!(tuples);

of_several!(tuple_results);

/// What a host function may return: `()`, a [`WasmTy`], a tuple of them, or a [`Result`] of one of these.
///
/// # Safety
///
/// Not for implementation elsewhere.
pub unsafe trait WasmRet: Sized {
    /// What the native ABI returns in a register; `()` unless there is exactly one result.
    #[doc(hidden)]
    type Direct;
    /// [`Self::Direct`] when wasm is being left.
    #[doc(hidden)]
    const NOTHING: Self::Direct;
    /// Whether results travel through memory.
    #[doc(hidden)]
    const INDIRECT: bool;
    #[doc(hidden)]
    fn types() -> Vec<ValType>;
    #[doc(hidden)]
    fn into_direct(self, store: &mut StoreRef<'_>) -> Result<Self::Direct>;
    #[doc(hidden)]
    fn into_slots(self, store: &mut StoreRef<'_>, put: &mut dyn FnMut(ValRaw)) -> Result<()>;
}

// SAFETY: no result.
unsafe impl WasmRet for () {
    type Direct = ();
    const NOTHING: () = ();
    const INDIRECT: bool = false;
    fn types() -> Vec<ValType> {
        Vec::new()
    }
    #[inline]
    fn into_direct(self, _: &mut StoreRef<'_>) -> Result<()> {
        Ok(())
    }
    fn into_slots(self, _: &mut StoreRef<'_>, _: &mut dyn FnMut(ValRaw)) -> Result<()> {
        Ok(())
    }
}

// SAFETY: one result in a register.
unsafe impl<T: WasmTy> WasmRet for T {
    type Direct = T::Abi;
    const NOTHING: T::Abi = T::Abi::ZERO;
    const INDIRECT: bool = false;
    fn types() -> Vec<ValType> {
        vec![T::valtype()]
    }
    #[inline]
    fn into_direct(self, store: &mut StoreRef<'_>) -> Result<T::Abi> {
        self.into_abi(store)
    }
    fn into_slots(self, store: &mut StoreRef<'_>, put: &mut dyn FnMut(ValRaw)) -> Result<()> {
        put(self.into_abi(store)?.into_slot());
        Ok(())
    }
}

// SAFETY: as the value itself; failures leave wasm.
unsafe impl<T: WasmRet> WasmRet for Result<T, Error> {
    type Direct = T::Direct;
    const NOTHING: T::Direct = T::NOTHING;
    const INDIRECT: bool = T::INDIRECT;
    fn types() -> Vec<ValType> {
        T::types()
    }
    #[inline]
    fn into_direct(self, store: &mut StoreRef<'_>) -> Result<T::Direct> {
        self?.into_direct(store)
    }
    fn into_slots(self, store: &mut StoreRef<'_>, put: &mut dyn FnMut(ValRaw)) -> Result<()> {
        self?.into_slots(store, put)
    }
}

// SAFETY: one result in a register, wrapped in a tuple.
unsafe impl<T: WasmTy> WasmRet for (T,) {
    type Direct = T::Abi;
    const NOTHING: T::Abi = T::Abi::ZERO;
    const INDIRECT: bool = false;
    fn types() -> Vec<ValType> {
        vec![T::valtype()]
    }
    #[inline]
    fn into_direct(self, store: &mut StoreRef<'_>) -> Result<T::Abi> {
        self.0.into_abi(store)
    }
    fn into_slots(self, store: &mut StoreRef<'_>, put: &mut dyn FnMut(ValRaw)) -> Result<()> {
        self.0.into_slots(store, put)
    }
}

macro_rules! tuple_returns {
    ($(($($T:ident $place:tt),*);)*) => {$(
        // SAFETY: several results travel through slots in order.
        unsafe impl<$($T: WasmTy),*> WasmRet for ($($T,)*) {
            type Direct = ();
            const NOTHING: () = ();
            const INDIRECT: bool = true;
            fn types() -> Vec<ValType> { vec![$($T::valtype()),*] }
            fn into_direct(self, _: &mut StoreRef<'_>) -> Result<()> { Ok(()) }
            fn into_slots(self, store: &mut StoreRef<'_>, put: &mut dyn FnMut(ValRaw)) -> Result<()> {
                $(put(self.$place.into_abi(store)?.into_slot());)*
                Ok(())
            }
        }
    )*};
}

of_several!(tuple_returns);
