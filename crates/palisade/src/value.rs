//! Values of run-time type.

#![forbid(unsafe_code)]

use crate::error::{Error, Result};
use crate::vm::{StoreOpaque, ValRaw};
use crate::{ExnRef, ExternRef, Func, HeapType, RefType, Rooted, ValType};

/// A WebAssembly value.
#[derive(Debug, Clone, Copy)]
pub enum Val {
    /// A 32-bit integer.
    I32(i32),
    /// A 64-bit integer.
    I64(i64),
    /// A 32-bit number, given by its bits, so that NaNs stay as they are.
    F32(u32),
    /// A 64-bit number, given by its bits.
    F64(u64),
    /// A 128-bit vector.
    V128(V128),
    /// A reference to a function, or null.
    FuncRef(Option<Func>),
    /// A reference to a value of the host, or null.
    ExternRef(Option<Rooted<ExternRef>>),
    /// A reference to an exception, or null.
    ExnRef(Option<Rooted<ExnRef>>),
}

/// The bits of a vector; lane 0 is the least significant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct V128(u128);

impl V128 {
    /// As an integer.
    pub fn as_u128(self) -> u128 {
        self.0
    }
}

impl From<u128> for V128 {
    fn from(bits: u128) -> V128 {
        V128(bits)
    }
}

impl From<V128> for u128 {
    fn from(value: V128) -> u128 {
        value.0
    }
}

/// A reference.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub enum Ref {
    /// To a function, or null.
    Func(Option<Func>),
    /// To a value of the host, or null.
    Extern(Option<Rooted<ExternRef>>),
    /// To an exception, or null.
    Exn(Option<Rooted<ExnRef>>),
}

impl Val {
    /// The null reference of this kind.
    pub fn null_ref(heap: &HeapType) -> Val {
        match heap.top() {
            HeapType::Func => Val::FuncRef(None),
            HeapType::Exn => Val::ExnRef(None),
            _ => Val::ExternRef(None),
        }
    }

    /// The null function reference.
    pub fn null_func_ref() -> Val {
        Val::FuncRef(None)
    }

    /// The null external reference.
    pub fn null_extern_ref() -> Val {
        Val::ExternRef(None)
    }

    /// The null exception reference.
    pub fn null_exn_ref() -> Val {
        Val::ExnRef(None)
    }

    /// Zero or null of this type.
    pub fn default_for_ty(ty: &ValType) -> Option<Val> {
        match ty {
            ValType::Ref(ty) if !ty.is_nullable() => None,
            ty => Some(Val::default_for(ty)),
        }
    }

    pub(crate) fn default_for(ty: &ValType) -> Val {
        match ty {
            ValType::Ref(ty) => Val::null_ref(ty.heap_type()),
            number => Val::number_from_raw(ValRaw::ZERO, number).expect("not a reference"),
        }
    }

    /// The most general type that a value of this kind has. A reference counts as nullable.
    pub fn kind(&self) -> ValType {
        match self {
            Val::I32(_) => ValType::I32,
            Val::I64(_) => ValType::I64,
            Val::F32(_) => ValType::F32,
            Val::F64(_) => ValType::F64,
            Val::V128(_) => ValType::V128,
            Val::FuncRef(_) => ValType::FUNCREF,
            Val::ExternRef(_) => ValType::EXTERNREF,
            Val::ExnRef(_) => ValType::EXNREF,
        }
    }

    /// Whether this value belongs to `ty`.
    fn is_of(&self, store: &StoreOpaque, ty: &ValType) -> bool {
        let ValType::Ref(ty) = ty else { return self.kind() == *ty };
        let heap = ty.heap_type();
        match self {
            Val::FuncRef(None) | Val::ExternRef(None) | Val::ExnRef(None) => {
                ty.is_nullable() && self.kind() == ValType::Ref(RefType::new(true, heap.top()))
            }
            Val::FuncRef(Some(func)) => match heap {
                HeapType::ConcreteFunc(ty) => func.ptr(store).ty(store).func_type().matches(ty),
                heap => *heap == HeapType::Func,
            },
            Val::ExternRef(Some(_)) => *heap == HeapType::Extern,
            Val::ExnRef(Some(_)) => *heap == HeapType::Exn,
            _ => false,
        }
    }

    pub(crate) fn from_raw(store: &mut StoreOpaque, raw: ValRaw, ty: &ValType) -> Val {
        match ty {
            ValType::Ref(ty) => Ref::from_raw(store, raw.u64(), ty).into(),
            number => Val::number_from_raw(raw, number).expect("not a reference"),
        }
    }

    /// Of a value of type `ty` as compiled code sees it; `None` if that is a reference.
    #[inline]
    pub(crate) fn number_from_raw(raw: ValRaw, ty: &ValType) -> Option<Val> {
        Some(match ty {
            ValType::I32 => Val::I32(raw.u32() as i32),
            ValType::I64 => Val::I64(raw.u64() as i64),
            ValType::F32 => Val::F32(raw.u32()),
            ValType::F64 => Val::F64(raw.u64()),
            ValType::V128 => Val::V128(V128(raw.u128())),
            ValType::Ref(_) => return None,
        })
    }

    /// As compiled code sees a value of type `ty`; `None` if this is a reference, or does not belong to `ty`.
    #[inline]
    pub(crate) fn number_to_raw(self, ty: &ValType) -> Option<ValRaw> {
        Some(match (self, ty) {
            (Val::I32(value), ValType::I32) => ValRaw::from_u64(u64::from(value as u32)),
            (Val::I64(value), ValType::I64) => ValRaw::from_u64(value as u64),
            (Val::F32(bits), ValType::F32) => ValRaw::from_u64(bits.into()),
            (Val::F64(bits), ValType::F64) => ValRaw::from_u64(bits),
            (Val::V128(value), ValType::V128) => ValRaw::from_u128(value.0),
            _ => return None,
        })
    }

    /// As compiled code sees a value of type `ty`.
    ///
    /// # Errors
    ///
    /// When this value does not belong to `ty`.
    pub(crate) fn to_raw(self, store: &StoreOpaque, ty: &ValType) -> Result<ValRaw> {
        if let Some(raw) = self.number_to_raw(ty) {
            return Ok(raw);
        }
        let reference = match self {
            Val::FuncRef(func) => Some(Ref::Func(func)),
            Val::ExternRef(rooted) => Some(Ref::Extern(rooted)),
            Val::ExnRef(rooted) => Some(Ref::Exn(rooted)),
            _ => None,
        };
        match reference.filter(|_| self.is_of(store, ty)) {
            Some(reference) => Ok(ValRaw::from_u64(reference.to_raw(store)?)),
            None => {
                Err(Error::usage(format!("type mismatch: expected {ty}, found {}", self.kind())))
            }
        }
    }
}

impl Ref {
    /// The null reference of this kind.
    pub fn null(heap: &HeapType) -> Ref {
        match heap.top() {
            HeapType::Func => Ref::Func(None),
            HeapType::Exn => Ref::Exn(None),
            _ => Ref::Extern(None),
        }
    }

    /// Whether this is null.
    pub fn is_null(&self) -> bool {
        matches!(self, Ref::Func(None) | Ref::Extern(None) | Ref::Exn(None))
    }

    /// The function, if this refers to one.
    pub fn as_func(&self) -> Option<Option<&Func>> {
        match self {
            Ref::Func(func) => Some(func.as_ref()),
            _ => None,
        }
    }

    pub(crate) fn from_raw(store: &mut StoreOpaque, raw: u64, ty: &RefType) -> Ref {
        match ty.heap_type().top() {
            HeapType::Func => {
                Ref::Func(store.func_from_raw(raw).map(|func| Func::from_ptr(store, func)))
            }
            HeapType::Exn => Ref::Exn(store.root_raw(raw).map(Rooted::from_inner)),
            _ => Ref::Extern(store.root_raw(raw).map(Rooted::from_inner)),
        }
    }

    pub(crate) fn to_raw(self, store: &StoreOpaque) -> Result<u64> {
        match self {
            Ref::Func(func) => Ok(func.map_or(0, |func| func.ptr(store).raw())),
            Ref::Extern(rooted) => rooted.map_or(Ok(0), |rooted| store.rooted_raw(rooted.inner())),
            Ref::Exn(rooted) => rooted.map_or(Ok(0), |rooted| store.rooted_raw(rooted.inner())),
        }
    }

    /// As compiled code sees a reference of type `ty`.
    ///
    /// # Errors
    ///
    /// When this reference does not belong to `ty`.
    pub(crate) fn to_raw_of(self, store: &StoreOpaque, ty: &RefType) -> Result<u64> {
        Ok(Val::from(self).to_raw(store, &ValType::Ref(ty.clone()))?.u64())
    }
}

macro_rules! accessors {
    ($($variant:ident $get:ident $unwrap:ident $ty:ty, |$value:ident| $convert:expr;)*) => {
        impl Val {$(
            #[doc = concat!("The value, if it is a `", stringify!($variant), "`.")]
            pub fn $get(&self) -> Option<$ty> {
                match *self { Val::$variant($value) => Some($convert), _ => None }
            }

            #[doc = concat!(
                "The value of a `", stringify!($variant), "`.\n\n# Panics\n\nIf it is of another type."
            )]
            pub fn $unwrap(&self) -> $ty {
                self.$get().expect(concat!("expected ", stringify!($variant)))
            }
        )*}
    };
}

accessors! {
    I32 i32 unwrap_i32 i32, |value| value;
    I64 i64 unwrap_i64 i64, |value| value;
    F32 f32 unwrap_f32 f32, |bits| f32::from_bits(bits);
    F64 f64 unwrap_f64 f64, |bits| f64::from_bits(bits);
    V128 v128 unwrap_v128 V128, |value| value;
    FuncRef func_ref unwrap_func_ref Option<Func>, |func| func;
    ExternRef extern_ref unwrap_extern_ref Option<Rooted<ExternRef>>, |rooted| rooted;
    ExnRef exn_ref unwrap_exn_ref Option<Rooted<ExnRef>>, |rooted| rooted;
}

impl From<i32> for Val {
    fn from(value: i32) -> Val {
        Val::I32(value)
    }
}

impl From<i64> for Val {
    fn from(value: i64) -> Val {
        Val::I64(value)
    }
}

impl From<f32> for Val {
    fn from(value: f32) -> Val {
        Val::F32(value.to_bits())
    }
}

impl From<f64> for Val {
    fn from(value: f64) -> Val {
        Val::F64(value.to_bits())
    }
}

impl From<V128> for Val {
    fn from(value: V128) -> Val {
        Val::V128(value)
    }
}

impl From<Func> for Val {
    fn from(func: Func) -> Val {
        Val::FuncRef(Some(func))
    }
}

impl From<Option<Func>> for Val {
    fn from(func: Option<Func>) -> Val {
        Val::FuncRef(func)
    }
}

impl From<Rooted<ExternRef>> for Val {
    fn from(rooted: Rooted<ExternRef>) -> Val {
        Val::ExternRef(Some(rooted))
    }
}

impl From<Rooted<ExnRef>> for Val {
    fn from(rooted: Rooted<ExnRef>) -> Val {
        Val::ExnRef(Some(rooted))
    }
}

impl From<Ref> for Val {
    fn from(reference: Ref) -> Val {
        match reference {
            Ref::Func(func) => Val::FuncRef(func),
            Ref::Extern(rooted) => Val::ExternRef(rooted),
            Ref::Exn(rooted) => Val::ExnRef(rooted),
        }
    }
}

impl From<Func> for Ref {
    fn from(func: Func) -> Ref {
        Ref::Func(Some(func))
    }
}

impl From<Rooted<ExternRef>> for Ref {
    fn from(rooted: Rooted<ExternRef>) -> Ref {
        Ref::Extern(Some(rooted))
    }
}
