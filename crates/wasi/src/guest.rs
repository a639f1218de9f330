//! Access to the memory of a guest, checked in one place.
//!
//! A pointer and a length from a guest become a [`Span`] before anything is done with them, and a
//! span is the only way to bytes. Invariant: a span lies within the memory it was made for, which
//! does not change size during a call. A call makes all spans it needs, results included, before
//! its first effect, so that a bad pointer has none.
//!
//! Bytes are not copied on the way: files read into and write from slices of guest memory.

use std::io::{IoSlice, IoSliceMut};
use std::mem;
use std::ops::Range;

use crate::errno::Errno;

/// Longest path a guest may pass, the host's own limit (`PATH_MAX` of Linux).
const MAX_PATH_BYTES: u32 = 4096;

/// Most buffers used by one read or write; those after it are left for the next call, as reads
/// and writes may be short. The C libraries pass two, and the arrays live on the stack.
pub(crate) const MAX_BUFFERS: usize = 64;

/// Size of a `iovec` or `ciovec`: pointer and length.
const IOVEC_BYTES: u32 = 8;

/// A range of bytes known to lie within the guest's memory.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Span {
    start: usize,
    len: usize,
}

impl Span {
    fn range(self) -> Range<usize> {
        self.start..self.end()
    }

    fn end(self) -> usize {
        self.start + self.len
    }

    pub(crate) fn len(self) -> usize {
        self.len
    }

    /// The first `len` bytes of this span, or all when it is shorter.
    pub(crate) fn prefix(self, len: usize) -> Span {
        Span { start: self.start, len: self.len.min(len) }
    }

    /// This span without its first `count` bytes.
    pub(crate) fn skip(self, count: usize) -> Span {
        let count = count.min(self.len);
        Span { start: self.start + count, len: self.len - count }
    }
}

/// The memory of the guest that makes the call.
pub(crate) struct Guest<'a> {
    bytes: &'a mut [u8],
}

impl<'a> Guest<'a> {
    pub(crate) fn new(bytes: &'a mut [u8]) -> Guest<'a> {
        Guest { bytes }
    }

    /// Checks `len` bytes at `pointer`.
    pub(crate) fn span(&self, pointer: u32, len: u32) -> Result<Span, Errno> {
        self.array(pointer, len, 1)
    }

    /// Checks `count` elements of `size` bytes at `pointer`.
    pub(crate) fn array(&self, pointer: u32, count: u32, size: u32) -> Result<Span, Errno> {
        // Two factors below 2^32 and a term below 2^32 do not overflow 64 bits.
        let len = u64::from(count) * u64::from(size);
        if u64::from(pointer) + len > self.bytes.len() as u64 {
            return Err(Errno::FAULT);
        }
        Ok(Span { start: pointer as usize, len: len as usize })
    }

    pub(crate) fn bytes(&self, span: Span) -> &[u8] {
        &self.bytes[span.range()]
    }

    pub(crate) fn bytes_mut(&mut self, span: Span) -> &mut [u8] {
        &mut self.bytes[span.range()]
    }

    /// Writes as much of `bytes` as `span` holds; returns how much.
    pub(crate) fn put(&mut self, span: Span, bytes: &[u8]) -> usize {
        let count = span.len.min(bytes.len());
        self.bytes_mut(span.prefix(count)).copy_from_slice(&bytes[..count]);
        count
    }

    pub(crate) fn put_u32(&mut self, span: Span, value: u32) {
        self.put(span, &value.to_le_bytes());
    }

    pub(crate) fn put_u64(&mut self, span: Span, value: u64) {
        self.put(span, &value.to_le_bytes());
    }

    /// A copy of the path at `pointer`; paths are UTF-8.
    pub(crate) fn path(&self, pointer: u32, len: u32) -> Result<String, Errno> {
        let span = self.span(pointer, len)?;
        if len > MAX_PATH_BYTES {
            return Err(Errno::NAMETOOLONG);
        }
        let path = str::from_utf8(self.bytes(span)).map_err(|_| Errno::ILSEQ)?;
        if path.contains('\0') {
            return Err(Errno::INVAL);
        }
        Ok(path.to_owned())
    }

    /// Checks an array of `count` iovecs or ciovecs and every buffer that it names.
    ///
    /// The array is read once: a guest cannot change it by having it read over.
    pub(crate) fn buffers(&self, pointer: u32, count: u32) -> Result<Buffers, Errno> {
        let array = self.array(pointer, count, IOVEC_BYTES)?;
        let mut buffers = Buffers { spans: [Span::default(); MAX_BUFFERS], count: 0 };
        let mut total = 0_u32;
        for iovec in self.bytes(array).chunks_exact(IOVEC_BYTES as usize) {
            let span = self.span(le_u32(iovec, 0), le_u32(iovec, 4))?;
            // The number of bytes transferred is reported in 32 bits.
            total = total.checked_add(span.len as u32).ok_or(Errno::INVAL)?;
            if span.len > 0 && buffers.count < MAX_BUFFERS {
                buffers.spans[buffers.count] = span;
                buffers.count += 1;
            }
        }
        Ok(buffers)
    }

    /// Calls `write` with the bytes of `buffers`.
    pub(crate) fn gather<R>(
        &self,
        buffers: &Buffers,
        write: impl FnOnce(&[IoSlice<'_>]) -> R,
    ) -> R {
        let slices: [IoSlice<'_>; MAX_BUFFERS] =
            std::array::from_fn(|i| IoSlice::new(self.bytes(buffers.spans[i])));
        write(&slices[..buffers.count])
    }

    /// Calls `read` with the bytes of `buffers`, to be filled. When some overlap only the first
    /// is offered; the read is then a short one.
    pub(crate) fn scatter<R>(
        &mut self,
        buffers: &Buffers,
        read: impl FnOnce(&mut [IoSliceMut<'_>]) -> R,
    ) -> R {
        let mut order: [usize; MAX_BUFFERS] = std::array::from_fn(|i| i);
        let mut order = &mut order[..buffers.count];
        order.sort_unstable_by_key(|&i| buffers.spans[i].start);
        let overlaps = |pair: &[usize]| buffers.spans[pair[0]].end() > buffers.spans[pair[1]].start;
        if order.windows(2).any(overlaps) {
            order = &mut order[..1];
            order[0] = 0;
        }
        let count = order.len();

        let mut slices: [IoSliceMut<'_>; MAX_BUFFERS] =
            std::array::from_fn(|_| IoSliceMut::new(&mut []));
        let mut rest = &mut *self.bytes;
        let mut position = 0;
        for &mut i in order {
            let span = buffers.spans[i];
            let (_, tail) = mem::take(&mut rest).split_at_mut(span.start - position);
            let (slice, tail) = tail.split_at_mut(span.len);
            slices[i] = IoSliceMut::new(slice);
            (rest, position) = (tail, span.end());
        }
        read(&mut slices[..count])
    }
}

/// The buffers of one read or write that are not empty, at most [`MAX_BUFFERS`] of them.
pub(crate) struct Buffers {
    spans: [Span; MAX_BUFFERS],
    count: usize,
}

/// The little-endian number at `offset` of `bytes`, which the caller knows to be long enough.
pub(crate) fn le_u32(bytes: &[u8], offset: usize) -> u32 {
    let mut number = [0; 4];
    number.copy_from_slice(&bytes[offset..offset + 4]);
    u32::from_le_bytes(number)
}

/// As [`le_u32`] for 64 bits.
pub(crate) fn le_u64(bytes: &[u8], offset: usize) -> u64 {
    let mut number = [0; 8];
    number.copy_from_slice(&bytes[offset..offset + 8]);
    u64::from_le_bytes(number)
}
