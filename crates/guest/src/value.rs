//! Values that lie in a guest's memory: numbers, pointers, arrays of fixed length, and (by
//! `record.rs`) records.
//!
//! Sizes and alignments are those of C for wasm32 and wasm64, which are also those of Rust and
//! AssemblyScript there. Values are loaded and stored byte by byte, so they may lie at any address;
//! only slices need alignment.

use crate::{Address, GuestPtr};

/// A number that slices of a guest's memory can be of.
///
/// Implemented for `u8` to `u64`, `i8` to `i64`, `f32` and `f64`.
pub trait Number: GuestValue + bytemuck::Pod + sealed::Sealed {
    /// Whether it is a floating-point number.
    const FLOAT: bool;
    /// Whether it can be negative.
    const SIGNED: bool;
}

mod sealed {
    pub trait Sealed {}
}

/// A type with a layout in a guest's memory.
///
/// Numbers, `bool` (C's `_Bool`: any byte but 0 is true), [`GuestPtr`], arrays of fixed length, and
/// records, for which [`derive(GuestRecord)`](derive@crate::GuestRecord) implements it.
pub trait GuestValue: Sized {
    /// Bytes that it takes, those at its end included that only keep an array's elements aligned.
    const SIZE: usize;
    /// The alignment that the guest's compiler gives it, in bytes.
    const ALIGN: usize;

    /// The value that the first bytes are.
    ///
    /// # Panics
    ///
    /// If there are fewer than it takes. Views ask only after they have checked.
    fn load(bytes: &[u8]) -> Self;

    /// Makes the first bytes this value. Padding stays as it is.
    ///
    /// # Panics
    ///
    /// As [`load`](Self::load).
    fn store(&self, bytes: &mut [u8]);

    /// Fills `values` from an array.
    ///
    /// # Panics
    ///
    /// As [`load`](Self::load).
    fn load_all(values: &mut [Self], bytes: &[u8]) {
        for (place, value) in values.iter_mut().enumerate() {
            *value = Self::load(&bytes[place * Self::SIZE..]);
        }
    }

    /// Makes an array of `values`.
    ///
    /// # Panics
    ///
    /// As [`load`](Self::load).
    fn store_all(values: &[Self], bytes: &mut [u8]) {
        for (place, value) in values.iter().enumerate() {
            value.store(&mut bytes[place * Self::SIZE..]);
        }
    }
}

macro_rules! numbers {
    ($($ty:ident),*) => {$(
        impl sealed::Sealed for $ty {}
        impl Number for $ty {
            const FLOAT: bool = matches!(stringify!($ty).as_bytes()[0], b'f');
            const SIGNED: bool = !matches!(stringify!($ty).as_bytes()[0], b'u');
        }
        impl GuestValue for $ty {
            const SIZE: usize = size_of::<$ty>();
            const ALIGN: usize = size_of::<$ty>();
            #[inline]
            fn load(bytes: &[u8]) -> $ty {
                <$ty>::from_le_bytes(*bytes.first_chunk().expect("enough bytes"))
            }
            #[inline]
            fn store(&self, bytes: &mut [u8]) {
                *bytes.first_chunk_mut().expect("enough bytes") = self.to_le_bytes();
            }
            #[inline]
            fn load_all(values: &mut [$ty], bytes: &[u8]) {
                let values: &mut [u8] = bytemuck::cast_slice_mut(values);
                values.copy_from_slice(&bytes[..values.len()]);
            }
            #[inline]
            fn store_all(values: &[$ty], bytes: &mut [u8]) {
                let values: &[u8] = bytemuck::cast_slice(values);
                bytes[..values.len()].copy_from_slice(values);
            }
        }
    )*};
}

numbers!(u8, u16, u32, u64, i8, i16, i32, i64, f32, f64);

impl GuestValue for bool {
    const SIZE: usize = 1;
    const ALIGN: usize = 1;

    fn load(bytes: &[u8]) -> bool {
        bytes[0] != 0
    }

    fn store(&self, bytes: &mut [u8]) {
        bytes[0] = (*self).into();
    }
}

impl<T, A: Address> GuestValue for GuestPtr<T, A> {
    const SIZE: usize = A::SIZE;
    const ALIGN: usize = A::ALIGN;

    #[inline]
    fn load(bytes: &[u8]) -> Self {
        GuestPtr::from_address(A::load(bytes))
    }

    #[inline]
    fn store(&self, bytes: &mut [u8]) {
        self.address().store(bytes);
    }
}

impl<T: GuestValue, const N: usize> GuestValue for [T; N] {
    const SIZE: usize = T::SIZE * N;
    const ALIGN: usize = T::ALIGN;

    fn load(bytes: &[u8]) -> Self {
        std::array::from_fn(|place| T::load(&bytes[place * T::SIZE..]))
    }

    fn store(&self, bytes: &mut [u8]) {
        T::store_all(self, bytes);
    }
}
