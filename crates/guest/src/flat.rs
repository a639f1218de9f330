//! How the arguments of a bound function become those of the guest's.
//!
//! An argument of Rust is one value of the guest ([`One`]) or two ([`Two`], as pointer and length
//! are), so the list of the guest's values has another length than Rust's tuple. It is worked out
//! by types alone: a list of arguments in pairs, `(first, (second, (third, ())))`, pushes its
//! values onto a tuple that begins as `()`. After inlining nothing is left of this.

use palisade::WasmTy;

/// An argument that the guest sees as one value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct One<V>(pub V);

/// An argument that the guest sees as two values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Two<V, W>(pub V, pub W);

/// A tuple that can get one element more.
pub trait Push<V> {
    /// The longer tuple.
    type Longer;
    /// Adds the element.
    fn push(self, value: V) -> Self::Longer;
}

/// The values of one argument, or of a list of them, as the end of the tuple `Start`.
pub trait Append<Start> {
    /// The tuple with them.
    type Longer;
    /// Adds them.
    fn append(self, start: Start) -> Self::Longer;
}

impl<Start: Push<V>, V: WasmTy> Append<Start> for One<V> {
    type Longer = Start::Longer;

    #[inline(always)]
    fn append(self, start: Start) -> Self::Longer {
        start.push(self.0)
    }
}

impl<Start, V: WasmTy, W: WasmTy> Append<Start> for Two<V, W>
where
    Start: Push<V>,
    Start::Longer: Push<W>,
{
    type Longer = <Start::Longer as Push<W>>::Longer;

    #[inline(always)]
    fn append(self, start: Start) -> Self::Longer {
        start.push(self.0).push(self.1)
    }
}

impl<Start> Append<Start> for () {
    type Longer = Start;

    #[inline(always)]
    fn append(self, start: Start) -> Start {
        start
    }
}

impl<Start, First, Rest> Append<Start> for (First, Rest)
where
    First: Append<Start>,
    Rest: Append<First::Longer>,
{
    type Longer = Rest::Longer;

    #[inline(always)]
    fn append(self, start: Start) -> Self::Longer {
        self.1.append(self.0.append(start))
    }
}

macro_rules! push {
    ($($T:ident $value:ident)*) => {
        impl<$($T,)* V> Push<V> for ($($T,)*) {
            type Longer = ($($T,)* V,);

            #[inline(always)]
            fn push(self, value: V) -> Self::Longer {
                let ($($value,)*) = self;
                ($($value,)* value,)
            }
        }
    };
}

push! {}
push! { A a }
push! { A a B b }
push! { A a B b C c }
push! { A a B b C c D d }
push! { A a B b C c D d E e }
push! { A a B b C c D d E e F f }
push! { A a B b C c D d E e F f G g }
push! { A a B b C c D d E e F f G g H h }
push! { A a B b C c D d E e F f G g H h I i }
push! { A a B b C c D d E e F f G g H h I i J j }
push! { A a B b C c D d E e F f G g H h I i J j K k }
push! { A a B b C c D d E e F f G g H h I i J j K k L l }
push! { A a B b C c D d E e F f G g H h I i J j K k L l M m }
push! { A a B b C c D d E e F f G g H h I i J j K k L l M m N n }
push! { A a B b C c D d E e F f G g H h I i J j K k L l M m N n O o }
