//! Views of a guest's memory: every access of this crate goes through here.
//!
//! Invariant: an address is turned into a range of the memory's bytes by [`range`] alone, which
//! checks it. A view borrows the store that owns the memory, so no view outlives a call, in which
//! the memory could grow.
//!
//! Numbers are read where they are, so the host must be little-endian as WebAssembly is; Palisade
//! runs on no other.

use crate::text::{Encoding, Extent, without_nul};
use crate::value::{GuestValue, Number};
use crate::{AccessError, PointsTo, Values};
use std::borrow::Cow;
use std::ops::Range;

const _: () = assert!(cfg!(target_endian = "little"), "Palisade runs on little-endian hosts only");

/// Bytes of the longest text that a view reads, unless told otherwise: 16 MiB, so that no pointer
/// of a guest makes its host copy gigabytes.
pub const DEFAULT_TEXT_LIMIT: usize = 16 << 20;

/// A guest's memory, to be read. See [`Guest::view`](crate::Guest::view).
///
/// Wherever something is read, the place is a [`GuestPtr`](crate::GuestPtr) or a bare address, and
/// the bytes are checked to be within the memory.
///
/// ```
/// use palisade_guest::{AccessError, View};
///
/// let memory = 7u32.to_le_bytes();
/// let view = View::new(&memory);
/// assert_eq!(view.get::<u16>(0u32)?, 7);
/// assert_eq!(
///     view.get::<u64>(0u32),
///     Err(AccessError::OutOfBounds { address: 0, len: 8, memory: 4 })
/// );
/// # Ok::<(), AccessError>(())
/// ```
#[derive(Clone, Copy)]
pub struct View<'a> {
    bytes: &'a [u8],
    text_limit: usize,
}

/// A guest's memory, to be changed. See [`Guest::view_mut`](crate::Guest::view_mut).
pub struct ViewMut<'a> {
    bytes: &'a mut [u8],
    text_limit: usize,
}

/// The bytes `address..address + len` of a memory of `size` bytes.
#[inline]
fn range(size: usize, address: u64, len: usize) -> Result<Range<usize>, AccessError> {
    let end = address.checked_add(len as u64);
    match end {
        Some(end) if end <= size as u64 => Ok(address as usize..end as usize),
        _ => Err(out_of_bounds(size, address, Some(len))),
    }
}

/// Bytes of an array; nothing so long is within any memory if they overflow.
#[inline]
fn len_bytes(size: usize, address: u64, len: usize, each: usize) -> Result<usize, AccessError> {
    len.checked_mul(each).ok_or_else(|| out_of_bounds(size, address, None))
}

#[cold]
fn out_of_bounds(size: usize, address: u64, len: Option<usize>) -> AccessError {
    let len = len.map_or(u64::MAX, |len| len as u64);
    AccessError::OutOfBounds { address, len, memory: size as u64 }
}

#[cold]
fn misaligned(address: u64, align: usize) -> AccessError {
    AccessError::Misaligned { address, align }
}

impl<'a> View<'a> {
    /// Of these bytes, whose first is at address 0: what [`palisade::Memory::data`] gives.
    #[inline]
    pub fn new(bytes: &'a [u8]) -> View<'a> {
        View { bytes, text_limit: DEFAULT_TEXT_LIMIT }
    }

    /// With another limit for texts, in bytes of the guest's encoding.
    #[inline]
    #[must_use]
    pub fn with_text_limit(mut self, bytes: usize) -> View<'a> {
        self.text_limit = bytes;
        self
    }

    /// Bytes of the memory.
    #[inline]
    pub fn size(&self) -> usize {
        self.bytes.len()
    }

    /// `len` bytes.
    ///
    /// # Errors
    ///
    /// When they are not all within the memory.
    #[inline]
    pub fn bytes(&self, at: impl PointsTo<u8>, len: usize) -> Result<&'a [u8], AccessError> {
        Ok(&self.bytes[range(self.bytes.len(), at.address(), len)?])
    }

    /// The array of `len` numbers at `at`, where it is: nothing is copied.
    ///
    /// # Errors
    ///
    /// When it is not all within the memory, or not aligned to the size of its numbers;
    /// [`values`](Self::values) reads those.
    #[inline]
    pub fn slice<T: Number>(
        &self,
        at: impl PointsTo<T>,
        len: usize,
    ) -> Result<&'a [T], AccessError> {
        let (size, address) = (self.bytes.len(), at.address());
        let bytes = &self.bytes[range(size, address, len_bytes(size, address, len, T::SIZE)?)?];
        bytemuck::try_cast_slice(bytes).map_err(|_| misaligned(address, T::ALIGN))
    }

    /// The value at `at`, which need not be aligned.
    ///
    /// # Errors
    ///
    /// When it is not all within the memory.
    #[inline]
    pub fn get<T: GuestValue>(&self, at: impl PointsTo<T>) -> Result<T, AccessError> {
        Ok(T::load(&self.bytes[range(self.bytes.len(), at.address(), T::SIZE)?]))
    }

    /// The `len` values of the array at `at`, one after the other; it need not be aligned.
    ///
    /// # Errors
    ///
    /// When they are not all within the memory.
    #[inline]
    pub fn values<T: GuestValue>(
        &self,
        at: impl PointsTo<T>,
        len: usize,
    ) -> Result<Values<'a, T>, AccessError> {
        let (size, address) = (self.bytes.len(), at.address());
        let bytes = range(size, address, len_bytes(size, address, len, T::SIZE)?)?;
        Ok(Values::new(&self.bytes[bytes], len))
    }

    /// The UTF-8 text of `len` bytes at `at`, where it is.
    ///
    /// # Errors
    ///
    /// When it is not all within the memory, longer than the limit, or not UTF-8.
    pub fn str(&self, at: impl PointsTo<u8>, len: usize) -> Result<&'a str, AccessError> {
        utf8(self.extent(at.address(), Encoding::Utf8, Extent::Units(len))?, at.address())
    }

    /// The UTF-8 text at `at` that ends before a NUL, where it is.
    ///
    /// # Errors
    ///
    /// When there is no NUL within the limit and the memory, or it is not UTF-8.
    pub fn c_str(&self, at: impl PointsTo<u8>) -> Result<&'a str, AccessError> {
        utf8(self.extent(at.address(), Encoding::Utf8, Extent::Terminated)?, at.address())
    }

    /// A text of any encoding and extent. It is copied unless it is UTF-8.
    ///
    /// # Errors
    ///
    /// When it is not all within the memory, longer than the limit, or malformed.
    pub fn text(
        &self,
        at: impl PointsTo<u8>,
        encoding: Encoding,
        extent: Extent,
    ) -> Result<Cow<'a, str>, AccessError> {
        encoding.decode(self.extent(at.address(), encoding, extent)?, at.address())
    }

    /// As [`text`](Self::text), with U+FFFD in place of what is malformed.
    ///
    /// # Errors
    ///
    /// When it is not all within the memory, or longer than the limit.
    pub fn text_lossy(
        &self,
        at: impl PointsTo<u8>,
        encoding: Encoding,
        extent: Extent,
    ) -> Result<Cow<'a, str>, AccessError> {
        Ok(encoding.decode_lossy(self.extent(at.address(), encoding, extent)?))
    }

    /// The bytes of a text, without a terminator.
    fn extent(
        &self,
        address: u64,
        encoding: Encoding,
        extent: Extent,
    ) -> Result<&'a [u8], AccessError> {
        let (size, unit, limit) = (self.bytes.len(), encoding.unit_bytes(), self.text_limit);
        match extent {
            Extent::Units(units) => {
                let len = len_bytes(size, address, units, unit)?;
                let bytes = &self.bytes[range(size, address, len)?];
                if len > limit {
                    return Err(AccessError::TooLong { len: len as u64, limit: limit as u64 });
                }
                Ok(bytes)
            }
            Extent::Terminated => {
                let rest = &self.bytes[range(size, address, 0)?.start..];
                let searched = &rest[..rest.len().min(limit.saturating_add(unit))];
                let end = encoding.find_end(searched);
                let unterminated = AccessError::Unterminated { address, searched: searched.len() };
                Ok(&rest[..end.ok_or(unterminated)?])
            }
        }
    }
}

fn utf8(bytes: &[u8], address: u64) -> Result<&str, AccessError> {
    std::str::from_utf8(bytes).map_err(|error| AccessError::Malformed {
        address: address + error.valid_up_to() as u64,
        encoding: Encoding::Utf8.name(),
    })
}

impl<'a> ViewMut<'a> {
    /// Of these bytes, whose first is at address 0: what [`palisade::Memory::data_mut`] gives.
    #[inline]
    pub fn new(bytes: &'a mut [u8]) -> ViewMut<'a> {
        ViewMut { bytes, text_limit: DEFAULT_TEXT_LIMIT }
    }

    /// With another limit for texts that are read, in bytes of the guest's encoding.
    #[inline]
    #[must_use]
    pub fn with_text_limit(mut self, bytes: usize) -> ViewMut<'a> {
        self.text_limit = bytes;
        self
    }

    /// The same, to be read.
    #[inline]
    pub fn as_view(&self) -> View<'_> {
        View { bytes: self.bytes, text_limit: self.text_limit }
    }

    /// `len` bytes, to be changed. They borrow this view; [`into_bytes`](Self::into_bytes) gives
    /// those of the store.
    ///
    /// # Errors
    ///
    /// When they are not all within the memory.
    #[inline]
    pub fn bytes_mut(
        &mut self,
        at: impl PointsTo<u8>,
        len: usize,
    ) -> Result<&mut [u8], AccessError> {
        let range = range(self.bytes.len(), at.address(), len)?;
        Ok(&mut self.bytes[range])
    }

    /// The array of `len` numbers at `at`, to be changed where it is.
    ///
    /// # Errors
    ///
    /// As [`View::slice`].
    #[inline]
    pub fn slice_mut<T: Number>(
        &mut self,
        at: impl PointsTo<T>,
        len: usize,
    ) -> Result<&mut [T], AccessError> {
        ViewMut { bytes: self.bytes, text_limit: 0 }.into_slice(at, len)
    }

    /// As [`slice_mut`](Self::slice_mut), for as long as the store is borrowed.
    ///
    /// # Errors
    ///
    /// As [`View::slice`].
    #[inline]
    pub fn into_slice<T: Number>(
        self,
        at: impl PointsTo<T>,
        len: usize,
    ) -> Result<&'a mut [T], AccessError> {
        let (size, address) = (self.bytes.len(), at.address());
        let range = range(size, address, len_bytes(size, address, len, T::SIZE)?)?;
        let slice = bytemuck::try_cast_slice_mut(&mut self.bytes[range]);
        slice.map_err(|_| misaligned(address, T::ALIGN))
    }

    /// All bytes.
    #[inline]
    pub fn into_bytes(self) -> &'a mut [u8] {
        self.bytes
    }

    /// The value at `at`, which need not be aligned.
    ///
    /// # Errors
    ///
    /// When it is not all within the memory.
    #[inline]
    pub fn get<T: GuestValue>(&self, at: impl PointsTo<T>) -> Result<T, AccessError> {
        self.as_view().get(at)
    }

    /// Writes a value to `at`, which need not be aligned. Padding of records stays as it is.
    ///
    /// # Errors
    ///
    /// When it is not all within the memory; then nothing is written.
    #[inline]
    pub fn set<T: GuestValue>(
        &mut self,
        at: impl PointsTo<T>,
        value: &T,
    ) -> Result<(), AccessError> {
        let range = range(self.bytes.len(), at.address(), T::SIZE)?;
        value.store(&mut self.bytes[range]);
        Ok(())
    }

    /// Writes an array to `at`, which need not be aligned.
    ///
    /// # Errors
    ///
    /// When it is not all within the memory; then nothing is written.
    pub fn set_all<T: GuestValue>(
        &mut self,
        at: impl PointsTo<T>,
        values: &[T],
    ) -> Result<(), AccessError> {
        let (size, address) = (self.bytes.len(), at.address());
        let range = range(size, address, len_bytes(size, address, values.len(), T::SIZE)?)?;
        T::store_all(values, &mut self.bytes[range]);
        Ok(())
    }

    /// Writes `text` and a terminator into the `room` bytes at `at`, and returns how many bytes
    /// were written, those of the terminator included.
    ///
    /// # Errors
    ///
    /// When the room is not within the memory or too small, `text` has a NUL inside, or the
    /// encoding lacks one of its characters; then nothing is written.
    pub fn set_text(
        &mut self,
        at: impl PointsTo<u8>,
        room: usize,
        text: &str,
        encoding: Encoding,
    ) -> Result<usize, AccessError> {
        let range = range(self.bytes.len(), at.address(), room)?;
        let text = encoding.encode(without_nul(text)?)?;
        let needed = text.len() + encoding.unit_bytes();
        if needed > room {
            return Err(AccessError::NoRoom { needed, room });
        }
        let (target, rest) = self.bytes[range].split_at_mut(text.len());
        target.copy_from_slice(&text);
        rest[..encoding.unit_bytes()].fill(0);
        Ok(needed)
    }

    /// As [`set_text`](Self::set_text), with as many whole characters as there is room for.
    ///
    /// # Errors
    ///
    /// As `set_text`, but for room: only what is too small for a terminator is an error.
    pub fn set_text_truncated(
        &mut self,
        at: impl PointsTo<u8>,
        room: usize,
        text: &str,
        encoding: Encoding,
    ) -> Result<usize, AccessError> {
        let text = encoding.truncate(text, room.saturating_sub(encoding.unit_bytes()));
        self.set_text(at, room, text, encoding)
    }
}

impl std::fmt::Debug for View<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("View").field("size", &self.bytes.len()).finish_non_exhaustive()
    }
}

impl std::fmt::Debug for ViewMut<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ViewMut").field("size", &self.bytes.len()).finish_non_exhaustive()
    }
}
