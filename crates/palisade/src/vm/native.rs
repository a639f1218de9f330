//! How Rust's types cross the host boundary.
//!
//! Native ABI: each value travels as the C type of its machine type, in a register where the platform's convention has
//! one; several results take a slot of 16 bytes each. Array ABI: each value takes such a slot. The traits here are
//! implemented for the types that can cross; they cannot be implemented elsewhere.

use super::store::{FuncPtr, StoreOpaque};
use crate::error::{Error, Result};
use crate::{ExnRef, ExternRef, Func, Rooted, V128};
use palisade_environ::{HeapType, RefType, ValType, VmActivation};
use palisade_sys::Vector;

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
}

/// A C type that carries a value in the native ABI.
pub trait NativeAbi: Copy + sealed::Sealed {
    /// What is returned when there is nothing to return because wasm is being left.
    const ZERO: Self;
    /// As a slot, with its upper bits zero.
    fn into_slot(self) -> ValRaw;
    /// From a slot, whose upper bits are ignored.
    fn from_slot(slot: ValRaw) -> Self;
}

mod sealed {
    pub trait Sealed {}
}

macro_rules! native_abi {
    ($($ty:ident: $zero:literal, |$value:ident| $bits:expr, |$raw:ident| $from:expr;)*) => {$(
        impl sealed::Sealed for $ty {}
        impl NativeAbi for $ty {
            const ZERO: Self = $zero;
            #[inline]
            fn into_slot(self) -> ValRaw { let $value = self; ValRaw::from_u64($bits) }
            #[inline]
            fn from_slot(slot: ValRaw) -> Self { let $raw = slot.u64(); $from }
        }
    )*};
}

native_abi! {
    i32: 0, |value| u64::from(value as u32), |bits| bits as i32;
    u32: 0, |value| u64::from(value), |bits| bits as u32;
    i64: 0, |value| value as u64, |bits| bits as i64;
    u64: 0, |value| value, |bits| bits;
    f32: 0.0, |value| u64::from(value.to_bits()), |bits| f32::from_bits(bits as u32);
    f64: 0.0, |value| value.to_bits(), |bits| f64::from_bits(bits);
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
    #[doc(hidden)]
    fn slots(abi: Self::Abi) -> Vec<ValRaw>;
    /// Calls the native entry trampoline `entry`.
    ///
    /// # Safety
    ///
    /// `entry` must be the trampoline for these parameters and `R`'s results, `activation` the current one, `code` and
    /// `vmctx` those of a function of that type.
    #[doc(hidden)]
    unsafe fn invoke<R: WasmResults>(
        entry: *const u8,
        activation: *mut VmActivation,
        code: *const u8,
        vmctx: *mut u8,
        abi: Self::Abi,
    ) -> R::Raw;
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
    /// What the native trampoline returns in a register; `()` unless there is exactly one result.
    #[doc(hidden)]
    type Direct;
    /// What a call gives before it is turned into `Self`.
    #[doc(hidden)]
    type Raw;
    /// [`Self::Raw`] before the call. If results travel through memory, this is the memory.
    #[doc(hidden)]
    const EMPTY: Self::Raw;
    /// Whether results travel through memory.
    #[doc(hidden)]
    const INDIRECT: bool;
    #[doc(hidden)]
    fn direct(direct: Self::Direct) -> Self::Raw;
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

macro_rules! invoke {
    ($entry:ident, $activation:ident, $code:ident, $vmctx:ident, $R:ident; $($value:ident: $Abi:ty),*) => {
        if $R::INDIRECT {
            type Entry<$($value),*> = unsafe extern "C" fn(
                *mut VmActivation, *const u8, *mut u8, *mut ValRaw, $($value),*
            );
            // SAFETY: by the contract of `invoke` this is the trampoline's type.
            let entry = unsafe { std::mem::transmute::<*const u8, Entry<$($Abi),*>>($entry) };
            let mut slots = $R::EMPTY;
            let pointer = (&raw mut slots).cast::<ValRaw>();
            // SAFETY: by the contract; a raw value that is `INDIRECT` has a slot for each result.
            unsafe { entry($activation, $code, $vmctx, pointer, $($value),*) };
            slots
        } else {
            type Entry<$($value,)* Direct> = unsafe extern "C" fn(
                *mut VmActivation, *const u8, *mut u8, $($value),*
            ) -> Direct;
            // SAFETY: by the contract of `invoke` this is the trampoline's type.
            let entry = unsafe {
                std::mem::transmute::<*const u8, Entry<$($Abi,)* $R::Direct>>($entry)
            };
            // SAFETY: by the contract.
            $R::direct(unsafe { entry($activation, $code, $vmctx, $($value),*) })
        }
    };
}

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
    fn slots(abi: T::Abi) -> Vec<ValRaw> {
        vec![abi.into_slot()]
    }
    #[inline]
    #[allow(non_camel_case_types)]
    unsafe fn invoke<R: WasmResults>(
        entry: *const u8,
        activation: *mut VmActivation,
        code: *const u8,
        vmctx: *mut u8,
        value: T::Abi,
    ) -> R::Raw {
        invoke!(entry, activation, code, vmctx, R; value: T::Abi)
    }
}

// SAFETY: one result, which the trampoline returns in a register.
unsafe impl<T: WasmTy> WasmResults for T {
    type Direct = T::Abi;
    type Raw = T::Abi;
    const EMPTY: T::Abi = T::Abi::ZERO;
    const INDIRECT: bool = false;
    #[inline]
    fn direct(direct: T::Abi) -> T::Abi {
        direct
    }
    #[inline]
    fn from_raw_ref(raw: T::Abi, store: &mut StoreRef<'_>) -> T {
        T::from_abi(raw, store)
    }
    fn from_slots(slots: &[ValRaw], store: &mut StoreRef<'_>) -> T {
        T::from_abi(T::Abi::from_slot(slots[0]), store)
    }
}

macro_rules! tuples {
    ($(($($T:ident $value:ident $place:tt),*);)*) => {$(
        // SAFETY: each element travels as its own ABI says.
        unsafe impl<$($T: WasmTy),*> WasmParams for ($($T,)*) {
            type Abi = ($($T::Abi,)*);
            fn types() -> Vec<ValType> { vec![$($T::valtype()),*] }
            #[inline]
            fn into_abi_ref(self, _store: &mut StoreRef<'_>) -> Result<Self::Abi> {
                Ok(($(self.$place.into_abi(_store)?,)*))
            }
            fn slots(_abi: Self::Abi) -> Vec<ValRaw> { vec![$(_abi.$place.into_slot()),*] }
            #[inline]
            #[allow(non_camel_case_types)]
            unsafe fn invoke<R: WasmResults>(
                entry: *const u8,
                activation: *mut VmActivation,
                code: *const u8,
                vmctx: *mut u8,
                ($($value,)*): Self::Abi,
            ) -> R::Raw {
                invoke!(entry, activation, code, vmctx, R; $($value: $T::Abi),*)
            }
        }
    )*};
}

macro_rules! tuple_results {
    ($(($($T:ident $place:tt),*);)*) => {$(
        // SAFETY: several results travel through slots, which the trampoline fills in order.
        unsafe impl<$($T: WasmTy),*> WasmResults for ($($T,)*) {
            type Direct = ();
            type Raw = [ValRaw; <[u8]>::len(&[$($place),*])];
            const EMPTY: Self::Raw = [ValRaw::ZERO; <[u8]>::len(&[$($place),*])];
            const INDIRECT: bool = true;
            fn direct(_: ()) -> Self::Raw { Self::EMPTY }
            #[inline]
            fn from_raw_ref(raw: Self::Raw, store: &mut StoreRef<'_>) -> Self {
                ($($T::from_abi($T::Abi::from_slot(raw[$place]), store),)*)
            }
            fn from_slots(slots: &[ValRaw], store: &mut StoreRef<'_>) -> Self {
                ($($T::from_abi($T::Abi::from_slot(slots[$place]), store),)*)
            }
        }
    )*};
}

// SAFETY: no result.
unsafe impl WasmResults for () {
    type Direct = ();
    type Raw = ();
    const EMPTY: () = ();
    const INDIRECT: bool = false;
    #[inline]
    fn direct(_: ()) {}
    #[inline]
    fn from_raw_ref(_: (), _: &mut StoreRef<'_>) {}
    fn from_slots(_: &[ValRaw], _: &mut StoreRef<'_>) {}
}

// SAFETY: one result in a register, wrapped in a tuple.
unsafe impl<T: WasmTy> WasmResults for (T,) {
    type Direct = T::Abi;
    type Raw = T::Abi;
    const EMPTY: T::Abi = T::Abi::ZERO;
    const INDIRECT: bool = false;
    #[inline]
    fn direct(direct: T::Abi) -> T::Abi {
        direct
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
    (A a 0);
    (A a 0, B b 1);
    (A a 0, B b 1, C c 2);
    (A a 0, B b 1, C c 2, D d 3);
    (A a 0, B b 1, C c 2, D d 3, E e 4);
    (A a 0, B b 1, C c 2, D d 3, E e 4, F f 5);
    (A a 0, B b 1, C c 2, D d 3, E e 4, F f 5, G g 6);
    (A a 0, B b 1, C c 2, D d 3, E e 4, F f 5, G g 6, H h 7);
    (A a 0, B b 1, C c 2, D d 3, E e 4, F f 5, G g 6, H h 7, I i 8);
    (A a 0, B b 1, C c 2, D d 3, E e 4, F f 5, G g 6, H h 7, I i 8, J j 9);
    (A a 0, B b 1, C c 2, D d 3, E e 4, F f 5, G g 6, H h 7, I i 8, J j 9, K k 10);
    (A a 0, B b 1, C c 2, D d 3, E e 4, F f 5, G g 6, H h 7, I i 8, J j 9, K k 10, L l 11);
    (A a 0, B b 1, C c 2, D d 3, E e 4, F f 5, G g 6, H h 7, I i 8, J j 9, K k 10, L l 11, M m 12);
    (A a 0, B b 1, C c 2, D d 3, E e 4, F f 5, G g 6, H h 7, I i 8, J j 9, K k 10, L l 11, M m 12, N n 13);
    (A a 0, B b 1, C c 2, D d 3, E e 4, F f 5, G g 6, H h 7, I i 8, J j 9, K k 10, L l 11, M m 12, N n 13, O o 14);
    (A a 0, B b 1, C c 2, D d 3, E e 4, F f 5, G g 6, H h 7, I i 8, J j 9, K k 10, L l 11, M m 12, N n 13, O o 14, P p 15);
}

tuple_results! {
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

tuple_returns! {
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
