//! AssemblyScript's objects as arguments and results of bound functions.

use super::layout::Element;
use super::{AsObject, ObjectView, array, string};
use crate::args::GuestArg;
use crate::flat::One;
use crate::results::GuestResult;
use crate::{Address, GuestError, GuestPtr, Number, Scope};
use palisade::{AsContextMut, Result};

/// A string for an AssemblyScript guest, pinned during the call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AsStr<'a>(pub &'a str);

/// An `Array`, typed array, `StaticArray` or `ArrayBuffer` for an AssemblyScript guest, pinned
/// during the call.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct AsArray<'a, T> {
    /// The id of its class; see [`AssemblyScript::class_id`](super::AssemblyScript::class_id).
    pub class: u32,
    /// Its elements.
    pub values: &'a [T],
}

/// A copy of a string that an AssemblyScript guest has returned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AsString(pub String);

/// A copy of the elements of an array that an AssemblyScript guest has returned.
#[derive(Debug, Clone, PartialEq)]
pub struct AsVec<T>(pub Vec<T>);

impl GuestArg for AsStr<'_> {
    type Raw<A: Address> = One<A>;

    fn lower<A: Address, C: AsContextMut>(&self, scope: &mut Scope<'_, C, A>) -> Result<One<A>> {
        Ok(One(string(scope, self.0)?.address()))
    }
}

impl GuestArg for Option<AsStr<'_>> {
    type Raw<A: Address> = One<A>;

    fn lower<A: Address, C: AsContextMut>(&self, scope: &mut Scope<'_, C, A>) -> Result<One<A>> {
        match self {
            Some(text) => text.lower(scope),
            None => Ok(One(A::truncate(0))),
        }
    }
}

impl<T: Number> GuestArg for AsArray<'_, T> {
    type Raw<A: Address> = One<A>;

    fn lower<A: Address, C: AsContextMut>(&self, scope: &mut Scope<'_, C, A>) -> Result<One<A>> {
        let (at, _) = array(scope, self.class, Element::of::<T>(), self.values)?;
        Ok(One(at.address()))
    }
}

/// Objects in the scope's guest, and one of them. AssemblyScript has 32-bit addresses.
fn object<'a, C: AsContextMut, A: Address>(
    raw: A,
    scope: &'a Scope<'_, C, A>,
) -> Result<(ObjectView<'a>, GuestPtr<AsObject>)> {
    match u32::try_from(raw.into()) {
        Ok(address) if A::BITS == 32 => {
            let view = ObjectView::new(scope.view(), scope.rtti().ok());
            Ok((view, GuestPtr::new(address)))
        }
        _ => Err(GuestError::Memory("AssemblyScript has no 64-bit addresses".into()).into()),
    }
}

impl GuestResult for AsString {
    type Raw<A: Address> = A;

    fn lift<A: Address, C: AsContextMut>(raw: A, scope: &mut Scope<'_, C, A>) -> Result<Self> {
        let (view, at) = object(raw, scope)?;
        Ok(AsString(view.string(at)?))
    }
}

impl GuestResult for Option<AsString> {
    type Raw<A: Address> = A;

    fn lift<A: Address, C: AsContextMut>(raw: A, scope: &mut Scope<'_, C, A>) -> Result<Self> {
        if raw.into() == 0 { Ok(None) } else { AsString::lift(raw, scope).map(Some) }
    }
}

impl<T: Number> GuestResult for AsVec<T> {
    type Raw<A: Address> = A;

    fn lift<A: Address, C: AsContextMut>(raw: A, scope: &mut Scope<'_, C, A>) -> Result<Self> {
        let (view, at) = object(raw, scope)?;
        Ok(AsVec(view.slice(at)?.to_vec()))
    }
}
