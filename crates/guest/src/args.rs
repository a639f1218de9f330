//! Arguments of bound functions.

use crate::flat::{One, Two};
use crate::{
    AccessError, Address, Encoding, GuestBox, GuestPtr, GuestRecord, GuestValue, Scope, ViewMut,
};
use palisade::{AsContextMut, ExternRef, Func, Result, Rooted, V128};

/// What can be passed to a function that [`Guest::func`](crate::Guest::func) has bound.
///
/// | type | the guest's parameters |
/// |---|---|
/// | `i32`, `u32`, `i64`, `u64`, `f32`, `f64`, `V128` | the number |
/// | `i8`, `u8`, `i16`, `u16` | `i32`, with the sign or zeros above |
/// | `bool` | `i32`, 0 or 1 |
/// | [`GuestPtr`], `&`[`GuestBox`] | the address |
/// | [`Callback`](crate::Callback) | the index of the table |
/// | `&str` | the address of a copy with a NUL at its end, in UTF-8 |
/// | [`Utf16`], [`Latin1`] | the same in another encoding |
/// | `&[T]` of a [`GuestValue`] | the address of a copy |
/// | `&mut [T]` | the address of a copy, which is copied back when the function has returned |
/// | `&R` and `&mut R` of a [`GuestRecord`] | likewise |
/// | [`WithLen`] of a text, `&[T]`, `&mut [T]` | two: the address of a copy, and its length |
/// | `Option` of `&str`, `&[T]`, `&R` | as without `Option`; null if `None` |
/// | `Option<Func>`, `Option<Rooted<ExternRef>>` | the reference |
/// | [`AsStr`](crate::AsStr), [`AsArray`](crate::AsArray) | a new object, pinned during the call |
///
/// Addresses are `i32`, or `i64` for guests with 64-bit memories; so are lengths. Copies live until
/// the call ends: on the guest's stack if it has one that the host can use and they fit the
/// [limit](crate::GuestBuilder::stack_limit), else in memory of its allocator.
///
/// Types of yours can be arguments too:
///
/// ```
/// use palisade::{AsContextMut, Result};
/// use palisade_guest::{Address, GuestArg, One, Scope};
///
/// #[derive(Clone, Copy)]
/// enum Direction {
///     Up = 1,
///     Down = -1,
/// }
///
/// impl GuestArg for Direction {
///     type Raw<A: Address> = One<i32>;
///
///     fn lower<A: Address, C: AsContextMut>(&self, _: &mut Scope<'_, C, A>) -> Result<One<i32>> {
///         Ok(One(*self as i32))
///     }
/// }
/// ```
pub trait GuestArg {
    /// The guest's values: [`One`] or [`Two`] of types that cross the boundary as they are.
    type Raw<A: Address>: Copy;

    /// Whether [`finish`](Self::finish) does anything.
    const FINISH: bool = false;

    /// Puts into the guest what the guest has to have, and gives the guest's values. The scope
    /// frees it after the call.
    ///
    /// # Errors
    ///
    /// When that cannot be.
    fn lower<A: Address, C: AsContextMut>(
        &self,
        scope: &mut Scope<'_, C, A>,
    ) -> Result<Self::Raw<A>>;

    /// Reads back what the guest may have changed, after a call that has succeeded.
    ///
    /// # Errors
    ///
    /// When that cannot be.
    fn finish<A: Address>(self, _raw: Self::Raw<A>, _memory: &mut ViewMut<'_>) -> Result<()>
    where
        Self: Sized,
    {
        Ok(())
    }
}

/// A text in UTF-16, with a terminator. See [`GuestArg`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Utf16<'a>(pub &'a str);

/// A text in Latin-1, with a terminator. See [`GuestArg`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Latin1<'a>(pub &'a str);

/// A text or array whose length is the guest's next parameter: in units of the encoding (bytes, or
/// pairs of them in UTF-16) or in elements. Texts have no terminator then. See [`GuestArg`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WithLen<T>(pub T);

macro_rules! as_they_are {
    ($($ty:ty),*) => {$(
        impl GuestArg for $ty {
            type Raw<A: Address> = One<$ty>;

            #[inline(always)]
            fn lower<A: Address, C: AsContextMut>(
                &self,
                _: &mut Scope<'_, C, A>,
            ) -> Result<One<$ty>> {
                Ok(One(*self))
            }
        }
    )*};
}

as_they_are!(i32, u32, i64, u64, f32, f64, V128, Option<Func>, Option<Rooted<ExternRef>>);

macro_rules! widened {
    ($($ty:ty),*) => {$(
        impl GuestArg for $ty {
            type Raw<A: Address> = One<i32>;

            #[inline(always)]
            fn lower<A: Address, C: AsContextMut>(
                &self,
                _: &mut Scope<'_, C, A>,
            ) -> Result<One<i32>> {
                Ok(One(i32::from(*self)))
            }
        }
    )*};
}

widened!(i8, u8, i16, u16, bool);

impl<T, B: Address> GuestArg for GuestPtr<T, B> {
    type Raw<A: Address> = One<B>;

    #[inline(always)]
    fn lower<A: Address, C: AsContextMut>(&self, _: &mut Scope<'_, C, A>) -> Result<One<B>> {
        Ok(One(self.address()))
    }
}

impl<T, B: Address> GuestArg for &GuestBox<T, B> {
    type Raw<A: Address> = One<B>;

    #[inline(always)]
    fn lower<A: Address, C: AsContextMut>(&self, _: &mut Scope<'_, C, A>) -> Result<One<B>> {
        Ok(One(self.ptr().address()))
    }
}

/// A length as the guest's next parameter.
///
/// # Errors
///
/// When the guest's type has no such number, which takes values without a size.
fn len<A: Address>(len: usize) -> Result<A> {
    let too_long = AccessError::TooLong { len: len as u64, limit: u64::MAX >> (64 - A::BITS) };
    A::try_from(len as u64).map_err(|_| too_long.into())
}

macro_rules! texts {
    ($($ty:ty, |$value:ident| $text:expr, $encoding:expr;)*) => {$(
        impl GuestArg for $ty {
            type Raw<A: Address> = One<A>;

            fn lower<A: Address, C: AsContextMut>(
                &self,
                scope: &mut Scope<'_, C, A>,
            ) -> Result<One<A>> {
                let $value = self;
                Ok(One(scope.text($text, $encoding)?.address()))
            }
        }

        impl GuestArg for WithLen<$ty> {
            type Raw<A: Address> = Two<A, A>;

            fn lower<A: Address, C: AsContextMut>(
                &self,
                scope: &mut Scope<'_, C, A>,
            ) -> Result<Two<A, A>> {
                let $value = &self.0;
                let (at, bytes) = scope.text_unterminated($text, $encoding)?;
                Ok(Two(at.address(), len(bytes / $encoding.unit_bytes())?))
            }
        }
    )*};
}

texts! {
    &str, |value| value, Encoding::Utf8;
    Utf16<'_>, |value| value.0, Encoding::Utf16;
    Latin1<'_>, |value| value.0, Encoding::Latin1;
}

impl<T: GuestValue> GuestArg for &[T] {
    type Raw<A: Address> = One<A>;

    fn lower<A: Address, C: AsContextMut>(&self, scope: &mut Scope<'_, C, A>) -> Result<One<A>> {
        Ok(One(scope.copy(self)?.address()))
    }
}

impl<T: GuestValue> GuestArg for &mut [T] {
    type Raw<A: Address> = One<A>;
    const FINISH: bool = true;

    fn lower<A: Address, C: AsContextMut>(&self, scope: &mut Scope<'_, C, A>) -> Result<One<A>> {
        Ok(One(scope.copy(self)?.address()))
    }

    fn finish<A: Address>(self, raw: One<A>, memory: &mut ViewMut<'_>) -> Result<()> {
        read_back(self, raw.0, memory)
    }
}

impl<T: GuestValue> GuestArg for WithLen<&[T]> {
    type Raw<A: Address> = Two<A, A>;

    fn lower<A: Address, C: AsContextMut>(&self, scope: &mut Scope<'_, C, A>) -> Result<Two<A, A>> {
        Ok(Two(scope.copy(self.0)?.address(), len(self.0.len())?))
    }
}

impl<T: GuestValue> GuestArg for WithLen<&mut [T]> {
    type Raw<A: Address> = Two<A, A>;
    const FINISH: bool = true;

    fn lower<A: Address, C: AsContextMut>(&self, scope: &mut Scope<'_, C, A>) -> Result<Two<A, A>> {
        Ok(Two(scope.copy(self.0)?.address(), len(self.0.len())?))
    }

    fn finish<A: Address>(self, raw: Two<A, A>, memory: &mut ViewMut<'_>) -> Result<()> {
        read_back(self.0, raw.0, memory)
    }
}

fn read_back<T: GuestValue, A: Address>(
    values: &mut [T],
    at: A,
    memory: &mut ViewMut<'_>,
) -> Result<()> {
    // It was within the memory, which never shrinks, when it was copied there.
    let bytes = memory.as_view().bytes(GuestPtr::from_address(at), values.len() * T::SIZE)?;
    T::load_all(values, bytes);
    Ok(())
}

impl<R: GuestRecord> GuestArg for &R {
    type Raw<A: Address> = One<A>;

    fn lower<A: Address, C: AsContextMut>(&self, scope: &mut Scope<'_, C, A>) -> Result<One<A>> {
        Ok(One(scope.put(*self)?.address()))
    }
}

impl<R: GuestRecord> GuestArg for &mut R {
    type Raw<A: Address> = One<A>;
    const FINISH: bool = true;

    fn lower<A: Address, C: AsContextMut>(&self, scope: &mut Scope<'_, C, A>) -> Result<One<A>> {
        Ok(One(scope.put(&**self)?.address()))
    }

    fn finish<A: Address>(self, raw: One<A>, memory: &mut ViewMut<'_>) -> Result<()> {
        *self = memory.get(GuestPtr::from_address(raw.0))?;
        Ok(())
    }
}

macro_rules! optional {
    ($([$($of:tt)*] $ty:ty;)*) => {$(
        impl<$($of)*> GuestArg for Option<$ty> {
            type Raw<A: Address> = One<A>;

            fn lower<A: Address, C: AsContextMut>(
                &self,
                scope: &mut Scope<'_, C, A>,
            ) -> Result<One<A>> {
                match self {
                    Some(value) => value.lower(scope),
                    None => Ok(One(A::truncate(0))),
                }
            }
        }
    )*};
}

optional! {
    [] &str;
    [T: GuestValue] &[T];
    [R: GuestRecord] &R;
}
