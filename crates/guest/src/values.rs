//! Arrays whose elements are read one by one, because they are not aligned or not numbers.

use crate::GuestValue;
use std::iter::FusedIterator;
use std::marker::PhantomData;

/// The values of an array in a guest's memory, in order. See [`View::values`](crate::View::values).
pub struct Values<'a, T> {
    bytes: &'a [u8],
    /// Those that are still to come.
    len: usize,
    of: PhantomData<fn() -> T>,
}

impl<'a, T: GuestValue> Values<'a, T> {
    /// `bytes` are those of `len` values.
    #[inline]
    pub(crate) fn new(bytes: &'a [u8], len: usize) -> Self {
        Values { bytes, len, of: PhantomData }
    }

    /// The value `index` places further on.
    #[inline]
    pub fn get(&self, index: usize) -> Option<T> {
        (index < self.len).then(|| T::load(&self.bytes[index * T::SIZE..]))
    }
}

impl<T: GuestValue> Iterator for Values<'_, T> {
    type Item = T;

    #[inline]
    fn next(&mut self) -> Option<T> {
        let value = self.get(0)?;
        self.bytes = &self.bytes[T::SIZE..];
        self.len -= 1;
        Some(value)
    }

    fn nth(&mut self, count: usize) -> Option<T> {
        let skipped = count.min(self.len);
        self.bytes = &self.bytes[skipped * T::SIZE..];
        self.len -= skipped;
        self.next()
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.len, Some(self.len))
    }
}

impl<T: GuestValue> DoubleEndedIterator for Values<'_, T> {
    fn next_back(&mut self) -> Option<T> {
        let value = self.get(self.len.checked_sub(1)?)?;
        self.len -= 1;
        Some(value)
    }
}

impl<T: GuestValue> ExactSizeIterator for Values<'_, T> {}

impl<T: GuestValue> FusedIterator for Values<'_, T> {}

impl<T> Clone for Values<'_, T> {
    fn clone(&self) -> Self {
        Values { bytes: self.bytes, len: self.len, of: PhantomData }
    }
}

impl<T> std::fmt::Debug for Values<'_, T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Values").field("len", &self.len).finish_non_exhaustive()
    }
}
