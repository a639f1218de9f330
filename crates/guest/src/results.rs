//! Results of bound functions.

use crate::{AccessError, Address, Encoding, Extent, GuestPtr, Scope};
use palisade::{AsContextMut, ExternRef, Func, Result, Rooted, V128, WasmTy};

/// What a function that [`Guest::func`](crate::Guest::func) has bound can return.
///
/// | type | the guest's result |
/// |---|---|
/// | `i32`, `u32`, `i64`, `u64`, `f32`, `f64`, `V128` | the number |
/// | `bool` | `i32`, any but 0 is true |
/// | [`GuestPtr`] | an address |
/// | `String` | the address of a UTF-8 text with a NUL at its end, which is copied |
/// | `Option<String>` | likewise; `None` if null |
/// | [`Freed<String>`](Freed), `Freed<Option<String>>` | likewise, and freed |
/// | `Option<Func>`, `Option<Rooted<ExternRef>>` | the reference |
/// | [`AsString`](crate::AsString) and its kin | an AssemblyScript object, which is copied |
pub trait GuestResult: Sized {
    /// The guest's value.
    type Raw<A: Address>: WasmTy;

    /// Makes this of the guest's value. What the scope has is freed afterwards.
    ///
    /// # Errors
    ///
    /// When the guest's value, or what it points to, is not what this type says.
    fn lift<A: Address, C: AsContextMut>(
        raw: Self::Raw<A>,
        scope: &mut Scope<'_, C, A>,
    ) -> Result<Self>;
}

/// A text that the guest has allocated for its caller, which frees it. See [`GuestResult`].
///
/// With an AssemblyScript guest it is unpinned instead; strings of AssemblyScript are not this, but
/// [`AsString`](crate::AsString).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Freed<T>(pub T);

macro_rules! as_they_are {
    ($($ty:ty),*) => {$(
        impl GuestResult for $ty {
            type Raw<A: Address> = $ty;

            #[inline(always)]
            fn lift<A: Address, C: AsContextMut>(
                raw: $ty,
                _: &mut Scope<'_, C, A>,
            ) -> Result<$ty> {
                Ok(raw)
            }
        }
    )*};
}

as_they_are!(i32, u32, i64, u64, f32, f64, V128, Option<Func>, Option<Rooted<ExternRef>>);

impl GuestResult for bool {
    type Raw<A: Address> = u32;

    #[inline(always)]
    fn lift<A: Address, C: AsContextMut>(raw: u32, _: &mut Scope<'_, C, A>) -> Result<bool> {
        Ok(raw != 0)
    }
}

impl<T, B: Address> GuestResult for GuestPtr<T, B> {
    type Raw<A: Address> = B;

    #[inline(always)]
    fn lift<A: Address, C: AsContextMut>(raw: B, _: &mut Scope<'_, C, A>) -> Result<Self> {
        Ok(GuestPtr::from_address(raw))
    }
}

impl GuestResult for Option<String> {
    type Raw<A: Address> = A;

    fn lift<A: Address, C: AsContextMut>(raw: A, scope: &mut Scope<'_, C, A>) -> Result<Self> {
        let at = GuestPtr::<u8, A>::from_address(raw);
        if at.is_null() {
            return Ok(None);
        }
        let text = scope.view().text(at, Encoding::Utf8, Extent::Terminated)?;
        Ok(Some(text.into_owned()))
    }
}

impl GuestResult for String {
    type Raw<A: Address> = A;

    fn lift<A: Address, C: AsContextMut>(raw: A, scope: &mut Scope<'_, C, A>) -> Result<Self> {
        let text: Option<String> = GuestResult::lift(raw, scope)?;
        text.ok_or_else(|| AccessError::Null.into())
    }
}

impl GuestResult for Freed<Option<String>> {
    type Raw<A: Address> = A;

    fn lift<A: Address, C: AsContextMut>(raw: A, scope: &mut Scope<'_, C, A>) -> Result<Self> {
        let at = GuestPtr::<u8, A>::from_address(raw);
        if !at.is_null() {
            // Before it is read, so that it is freed also if it is no text.
            scope.adopt(at)?;
        }
        Ok(Freed(GuestResult::lift(raw, scope)?))
    }
}

impl GuestResult for Freed<String> {
    type Raw<A: Address> = A;

    fn lift<A: Address, C: AsContextMut>(raw: A, scope: &mut Scope<'_, C, A>) -> Result<Self> {
        let Freed(text) = Freed::<Option<String>>::lift(raw, scope)?;
        Ok(Freed(text.ok_or(AccessError::Null)?))
    }
}
