//! Functions of a guest with Rust's types: strings, slices and records among them.
//!
//! The guest's type is checked when the function is bound. A call puts into the guest what must be
//! there, calls, reads what the result points to, and frees what it has put there, also when
//! something fails in between. If all arguments and results are plain numbers, that is a call of
//! the [`TypedFunc`] and nothing else.

use crate::args::GuestArg;
use crate::export::TypeList;
use crate::flat::Append;
use crate::results::GuestResult;
use crate::{Address, Guest, Scope, ViewMut};
use palisade::error::Context;
use palisade::{AsContextMut, Result, TypedFunc, WasmParams, WasmResults};
use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;

/// A function of a guest, bound to Rust's types by [`Guest::func`].
///
/// `E` is for the compiler and follows from the others. To keep one in a struct, name the types of
/// its arguments with `'static`; calls take those of any lifetime:
///
/// ```
/// use palisade::{Result, Store};
/// use palisade_guest::GuestFunc;
///
/// struct Parser {
///     parse: GuestFunc<(&'static str,), i32>,
/// }
///
/// fn parse(store: &mut Store<()>, parser: &Parser, text: String) -> Result<i32> {
///     parser.parse.call(store, (&text,))
/// }
/// ```
pub struct GuestFunc<P, R, A = u32, E = Entry<P, R, A>>
where
    A: Address,
{
    guest: Guest<A>,
    entry: E,
    name: Arc<str>,
    // So that a function for `&'static str` is one for any `&str`.
    of: PhantomData<fn() -> (P, R)>,
}

/// The guest's function with the guest's types.
pub type Entry<P, R, A> = TypedFunc<<P as GuestParams<A>>::Values, <R as GuestResults<A>>::Values>;

/// The arguments of a bound function: a [`GuestArg`], or a tuple of at most 12.
pub trait GuestParams<A: Address> {
    /// The guest's parameters: at most 16 values.
    type Values: WasmParams + TypeList;
    /// The same, argument by argument.
    #[doc(hidden)]
    type Raw: Copy;
    #[doc(hidden)]
    fn lower<C: AsContextMut>(&self, scope: &mut Scope<'_, C, A>) -> Result<Self::Raw>;
    #[doc(hidden)]
    fn values(raw: Self::Raw) -> Self::Values;
    /// Whether [`finish`](Self::finish) does anything.
    #[doc(hidden)]
    const FINISH: bool;
    #[doc(hidden)]
    fn finish(self, raw: Self::Raw, memory: &mut ViewMut<'_>) -> Result<()>;
}

/// What a bound function returns: `()`, a [`GuestResult`], or a tuple of two to four.
pub trait GuestResults<A: Address>: Sized {
    /// The guest's results.
    type Values: WasmResults + TypeList;
    #[doc(hidden)]
    fn lift<C: AsContextMut>(values: Self::Values, scope: &mut Scope<'_, C, A>) -> Result<Self>;
}

impl<P: GuestParams<A>, R: GuestResults<A>, A: Address> GuestFunc<P, R, A> {
    pub(crate) fn new(guest: Guest<A>, entry: Entry<P, R, A>, name: &str) -> Self {
        GuestFunc { guest, entry, name: name.into(), of: PhantomData }
    }

    /// Calls it.
    ///
    /// If the guest traps, its frames are gone, but a stack pointer that it keeps in a global stays
    /// where it was, unless something was put on its stack for this call, which is undone.
    ///
    /// # Errors
    ///
    /// When an argument cannot be put into the guest, the function fails, or its result is not what
    /// its type says. What was put into the guest is freed in any case: if the guest was
    /// [interrupted](palisade::InterruptHandle), by the next allocation.
    #[inline(always)]
    pub fn call(&self, store: impl AsContextMut, params: P) -> Result<R> {
        let mut scope = Scope::for_call(&self.guest, store);
        let raw = match params.lower(&mut scope) {
            Ok(raw) => raw,
            Err(error) => return self.failed(scope, error),
        };
        let values = match self.entry.call(&mut scope, P::values(raw)) {
            Ok(values) => values,
            Err(error) => return scope.end(Err(error)),
        };
        if P::FINISH
            && let Err(error) = params.finish(raw, &mut scope.view_mut())
        {
            return self.failed(scope, error);
        }
        match R::lift(values, &mut scope) {
            Ok(result) => scope.end(Ok(result)),
            Err(error) => self.failed(scope, error),
        }
    }

    #[cold]
    fn failed<C: AsContextMut>(&self, scope: Scope<'_, C, A>, error: palisade::Error) -> Result<R> {
        scope.end(Err(error)).with_context(|| format!("in a call of the guest's `{}`", self.name))
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The function, with the guest's types.
    pub fn entry(&self) -> &Entry<P, R, A> {
        &self.entry
    }
}

impl<P, R, A: Address, E: Clone> Clone for GuestFunc<P, R, A, E> {
    fn clone(&self) -> Self {
        GuestFunc {
            guest: self.guest.clone(),
            entry: self.entry.clone(),
            name: self.name.clone(),
            of: PhantomData,
        }
    }
}

impl<P, R, A: Address, E> fmt::Debug for GuestFunc<P, R, A, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GuestFunc").field("name", &self.name).finish_non_exhaustive()
    }
}

/// `list![A, B, C]` is `(A, (B, (C, ())))`, of types or of values.
macro_rules! list {
    () => { () };
    ($first:ty $(, $rest:ty)*) => { ($first, list![$($rest),*]) };
}

macro_rules! list_of {
    () => { () };
    ($first:expr $(, $rest:expr)*) => { ($first, list_of![$($rest),*]) };
}

impl<T: GuestArg, A: Address> GuestParams<A> for T
where
    T::Raw<A>: Append<(), Longer: WasmParams + TypeList>,
{
    type Values = <T::Raw<A> as Append<()>>::Longer;
    type Raw = T::Raw<A>;
    const FINISH: bool = T::FINISH;

    #[inline(always)]
    fn lower<C: AsContextMut>(&self, scope: &mut Scope<'_, C, A>) -> Result<Self::Raw> {
        GuestArg::lower(self, scope)
    }

    #[inline(always)]
    fn values(raw: Self::Raw) -> Self::Values {
        raw.append(())
    }

    fn finish(self, raw: Self::Raw, memory: &mut ViewMut<'_>) -> Result<()> {
        GuestArg::finish::<A>(self, raw, memory)
    }
}

macro_rules! params {
    ($($T:ident $place:tt)*) => {
        impl<$($T: GuestArg,)* Addr: Address> GuestParams<Addr> for ($($T,)*)
        where
            list![$($T::Raw<Addr>),*]: Append<(), Longer: WasmParams + TypeList>,
        {
            type Values = <list![$($T::Raw<Addr>),*] as Append<()>>::Longer;
            type Raw = ($($T::Raw<Addr>,)*);
            const FINISH: bool = false $(|| $T::FINISH)*;

            #[inline(always)]
            fn lower<C: AsContextMut>(&self, _scope: &mut Scope<'_, C, Addr>) -> Result<Self::Raw> {
                Ok(($(match self.$place.lower(_scope) {
                    Ok(raw) => raw,
                    Err(error) => return Err(of_argument(error, $place)),
                },)*))
            }

            #[inline(always)]
            fn values(_raw: Self::Raw) -> Self::Values {
                list_of![$(_raw.$place),*].append(())
            }

            fn finish(self, _raw: Self::Raw, _memory: &mut ViewMut<'_>) -> Result<()> {
                $(if let Err(error) = self.$place.finish::<Addr>(_raw.$place, _memory) {
                    return Err(of_argument(error, $place));
                })*
                Ok(())
            }
        }
    };
}

#[cold]
fn of_argument(error: palisade::Error, place: usize) -> palisade::Error {
    error.context(format!("argument {place}"))
}

params! {}
params! { T0 0 }
params! { T0 0 T1 1 }
params! { T0 0 T1 1 T2 2 }
params! { T0 0 T1 1 T2 2 T3 3 }
params! { T0 0 T1 1 T2 2 T3 3 T4 4 }
params! { T0 0 T1 1 T2 2 T3 3 T4 4 T5 5 }
params! { T0 0 T1 1 T2 2 T3 3 T4 4 T5 5 T6 6 }
params! { T0 0 T1 1 T2 2 T3 3 T4 4 T5 5 T6 6 T7 7 }
params! { T0 0 T1 1 T2 2 T3 3 T4 4 T5 5 T6 6 T7 7 T8 8 }
params! { T0 0 T1 1 T2 2 T3 3 T4 4 T5 5 T6 6 T7 7 T8 8 T9 9 }
params! { T0 0 T1 1 T2 2 T3 3 T4 4 T5 5 T6 6 T7 7 T8 8 T9 9 T10 10 }
params! { T0 0 T1 1 T2 2 T3 3 T4 4 T5 5 T6 6 T7 7 T8 8 T9 9 T10 10 T11 11 }

impl<A: Address> GuestResults<A> for () {
    type Values = ();

    #[inline(always)]
    fn lift<C: AsContextMut>((): (), _: &mut Scope<'_, C, A>) -> Result<()> {
        Ok(())
    }
}

impl<T: GuestResult, A: Address> GuestResults<A> for T {
    type Values = (T::Raw<A>,);

    #[inline(always)]
    fn lift<C: AsContextMut>((raw,): (T::Raw<A>,), scope: &mut Scope<'_, C, A>) -> Result<T> {
        T::lift(raw, scope)
    }
}

macro_rules! results {
    ($($T:ident $place:tt)*) => {
        impl<$($T: GuestResult,)* Addr: Address> GuestResults<Addr> for ($($T,)*) {
            type Values = ($($T::Raw<Addr>,)*);

            #[inline(always)]
            fn lift<C: AsContextMut>(
                raw: Self::Values,
                scope: &mut Scope<'_, C, Addr>,
            ) -> Result<Self> {
                Ok(($($T::lift(raw.$place, scope)?,)*))
            }
        }
    };
}

results! { T0 0 T1 1 }
results! { T0 0 T1 1 T2 2 }
results! { T0 0 T1 1 T2 2 T3 3 }
