//! Addresses of guests, with and without a type.
//!
//! An address is a number that a guest has given: it may be anything, and nothing here looks
//! whether there is something at it. That is checked at each access, by `view.rs`. Arithmetic wraps
//! as the guest's own does.

use crate::value::GuestValue;
use crate::{Field, GuestRecord};
use palisade::WasmTy;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::marker::PhantomData;

mod sealed {
    pub trait Sealed {}
    impl Sealed for u32 {}
    impl Sealed for u64 {}
}

/// The type of a guest's addresses: `u32`, or `u64` for guests with 64-bit memories (memory64).
pub trait Address:
    sealed::Sealed
    + WasmTy
    + GuestValue
    + Copy
    + Eq
    + Hash
    + Into<u64>
    + TryFrom<u64>
    + fmt::Display
    + fmt::LowerHex
    + fmt::Debug
    + Send
    + Sync
    + 'static
{
    /// Bits of an address.
    const BITS: u32;

    /// The low bits of a number.
    fn truncate(address: u64) -> Self;
}

impl Address for u32 {
    const BITS: u32 = 32;

    #[inline]
    fn truncate(address: u64) -> u32 {
        address as u32
    }
}

impl Address for u64 {
    const BITS: u32 = 64;

    #[inline]
    fn truncate(address: u64) -> u64 {
        address
    }
}

/// What names a `T` in a guest's memory: a [`GuestPtr`] of that type, or a bare address.
pub trait PointsTo<T>: Copy {
    /// The address.
    fn address(self) -> u64;
}

impl<T> PointsTo<T> for u32 {
    #[inline]
    fn address(self) -> u64 {
        self.into()
    }
}

impl<T> PointsTo<T> for u64 {
    #[inline]
    fn address(self) -> u64 {
        self
    }
}

impl<T, A: Address> PointsTo<T> for GuestPtr<T, A> {
    #[inline]
    fn address(self) -> u64 {
        self.address.into()
    }
}

/// A guest's pointer to a `T` of its own.
///
/// It is a number with a type. It may be null, stale or wild; an access through it checks that it
/// is within the memory, and nothing knows whether a `T` is there.
///
/// `T` is what the host reads at that place: a number, an array, a record, another pointer
/// ([`GuestValue`]), or any type at all if only the guest uses the pointer.
pub struct GuestPtr<T, A = u32> {
    address: A,
    of: PhantomData<fn() -> T>,
}

impl<T> GuestPtr<T, u32> {
    /// A pointer of a guest with 32-bit addresses.
    #[inline]
    pub const fn new(address: u32) -> Self {
        GuestPtr { address, of: PhantomData }
    }

    /// The pointer that points to nothing.
    pub const NULL: Self = GuestPtr::new(0);
}

impl<T> GuestPtr<T, u64> {
    /// A pointer of a guest with 64-bit addresses.
    pub const fn new64(address: u64) -> Self {
        GuestPtr { address, of: PhantomData }
    }
}

impl<T, A: Address> GuestPtr<T, A> {
    /// A pointer of a guest with addresses of type `A`.
    #[inline]
    pub const fn from_address(address: A) -> Self {
        GuestPtr { address, of: PhantomData }
    }

    /// Where it points to.
    #[inline]
    pub const fn address(self) -> A {
        self.address
    }

    /// Whether it is null. Byte 0 of a memory can be read like any other; that null points to
    /// nothing is what C, Rust and AssemblyScript agree on.
    #[inline]
    pub fn is_null(self) -> bool {
        self.address.into() == 0
    }

    /// The same address with another type.
    pub const fn cast<U>(self) -> GuestPtr<U, A> {
        GuestPtr { address: self.address, of: PhantomData }
    }

    /// So many bytes further on, as another type. Wraps.
    #[inline]
    #[must_use]
    pub fn byte_add<U>(self, bytes: u64) -> GuestPtr<U, A> {
        let address: u64 = self.address.into();
        GuestPtr::from_address(A::truncate(address.wrapping_add(bytes)))
    }
}

impl<T: GuestValue, A: Address> GuestPtr<T, A> {
    /// The element at `index` of the array whose first element this points to. Wraps.
    #[inline]
    #[must_use]
    pub fn element(self, index: u64) -> Self {
        self.byte_add(index.wrapping_mul(T::SIZE as u64))
    }
}

impl<T: GuestRecord, A: Address> GuestPtr<T, A> {
    /// One field of the record that this points to.
    ///
    /// ```
    /// use palisade_guest::{GuestPtr, GuestRecord};
    ///
    /// #[derive(GuestRecord)]
    /// struct Point {
    ///     tag: u8,
    ///     x: f64,
    /// }
    /// let point = GuestPtr::<Point>::new(1024);
    /// assert_eq!(point.field(Point::FIELDS.x), GuestPtr::<f64>::new(1032));
    /// ```
    #[must_use]
    pub fn field<F>(self, field: Field<T, F>) -> GuestPtr<F, A> {
        self.byte_add(field.offset() as u64)
    }
}

impl<T, const N: usize, A: Address> GuestPtr<[T; N], A> {
    /// The array's first element.
    pub const fn first(self) -> GuestPtr<T, A> {
        self.cast()
    }
}

impl<T, A: Copy> Clone for GuestPtr<T, A> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T, A: Copy> Copy for GuestPtr<T, A> {}

impl<T, A: PartialEq> PartialEq for GuestPtr<T, A> {
    fn eq(&self, other: &Self) -> bool {
        self.address == other.address
    }
}

impl<T, A: Eq> Eq for GuestPtr<T, A> {}

impl<T, A: Hash> Hash for GuestPtr<T, A> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.address.hash(state);
    }
}

impl<T, A: fmt::LowerHex> fmt::Debug for GuestPtr<T, A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "GuestPtr({:#x})", self.address)
    }
}
