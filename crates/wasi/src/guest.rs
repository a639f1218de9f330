//! Access to the memory of a guest, checked in one place.
//!
//! A pointer and a length from a guest become a [`Span`] before anything is done with them, and a
//! span is the only way to bytes. Invariant: a span lies within the memory it was made for, which
//! does not shrink. A call makes all spans it needs, results included, before its first effect, so
//! that a bad pointer has none.
//!
//! Bytes of a memory that only this guest uses are not copied on the way: files read into and write
//! from slices of it. Of a shared memory there are no slices, as other threads may change it at any
//! time: what is read or written goes through a buffer of at most [`BOUNCE_BYTES`], so that calls
//! for more are short. Everything is read once, and what was checked is that copy.

use std::io::{IoSlice, IoSliceMut};
use std::mem;
use std::ops::Range;

use palisade::SharedMemory;

use crate::errno::Errno;

/// Longest path a guest may pass, the host's own limit (`PATH_MAX` of Linux).
const MAX_PATH_BYTES: u32 = 4096;

/// Most buffers used by one read or write, the host's own limit (`IOV_MAX` of Linux); those after
/// it are left for the next call, as reads and writes may be short.
const MAX_BUFFERS: usize = 1024;

/// Buffers of a call that are kept without an allocation. Programs pass one, C libraries two.
const FEW_BUFFERS: usize = 2;

/// Size of a `iovec` or `ciovec`: pointer and length.
const IOVEC_BYTES: u32 = 8;

/// Most bytes of a shared memory that one call reads or writes. As much as a pipe of Linux holds;
/// the copy is cheap beside the system call.
const BOUNCE_BYTES: usize = 64 << 10;

/// That a span made from a guest's pointer is one.
const WITHIN: &str = "a span lies within its memory";

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
pub(crate) enum Guest<'a> {
    /// One that nobody else uses meanwhile.
    Own(&'a mut [u8]),
    /// One that other threads may be using, and its size when the call began.
    Shared(SharedMemory, usize),
}

impl<'a> Guest<'a> {
    pub(crate) fn own(bytes: &'a mut [u8]) -> Guest<'a> {
        Guest::Own(bytes)
    }

    pub(crate) fn shared(memory: SharedMemory) -> Guest<'a> {
        let len = memory.data_size();
        Guest::Shared(memory, len)
    }

    /// Its size in bytes. A shared memory may be larger already.
    fn len(&self) -> usize {
        match self {
            Guest::Own(bytes) => bytes.len(),
            Guest::Shared(_, len) => *len,
        }
    }

    /// Checks `len` bytes at `pointer`.
    pub(crate) fn span(&self, pointer: u32, len: u32) -> Result<Span, Errno> {
        self.array(pointer, len, 1)
    }

    /// Checks `count` elements of `size` bytes at `pointer`.
    pub(crate) fn array(&self, pointer: u32, count: u32, size: u32) -> Result<Span, Errno> {
        // Two factors below 2^32 and a term below 2^32 do not overflow 64 bits.
        let len = u64::from(count) * u64::from(size);
        if u64::from(pointer) + len > self.len() as u64 {
            return Err(Errno::FAULT);
        }
        Ok(Span { start: pointer as usize, len: len as usize })
    }

    /// Fills `buffer` from the beginning of `span`, which is at least as long.
    fn read(&self, span: Span, buffer: &mut [u8]) {
        let span = span.prefix(buffer.len());
        match self {
            Guest::Own(bytes) => buffer.copy_from_slice(&bytes[span.range()]),
            Guest::Shared(memory, _) => memory.read(span.start, buffer).expect(WITHIN),
        }
    }

    /// A copy of all bytes of `span`, of which the caller has bounded the length.
    pub(crate) fn copy(&self, span: Span) -> Vec<u8> {
        match self {
            Guest::Own(bytes) => bytes[span.range()].to_vec(),
            Guest::Shared(..) => {
                let mut copy = vec![0; span.len];
                self.read(span, &mut copy);
                copy
            }
        }
    }

    /// Writes as much of `bytes` as `span` holds; returns how much.
    pub(crate) fn put(&mut self, span: Span, bytes: &[u8]) -> usize {
        let span = span.prefix(bytes.len());
        let bytes = &bytes[..span.len];
        match self {
            Guest::Own(memory) => memory[span.range()].copy_from_slice(bytes),
            Guest::Shared(memory, _) => memory.write(span.start, bytes).expect(WITHIN),
        }
        span.len
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
        let path = String::from_utf8(self.copy(span)).map_err(|_| Errno::ILSEQ)?;
        if path.contains('\0') {
            return Err(Errno::INVAL);
        }
        Ok(path)
    }

    /// Checks an array of `count` iovecs or ciovecs and every buffer that it names.
    ///
    /// The array is read once: a guest cannot change it by having it read over, or by a thread.
    pub(crate) fn buffers(&self, pointer: u32, count: u32) -> Result<Buffers, Errno> {
        let mut array = self.array(pointer, count, IOVEC_BYTES)?;
        let mut buffers = Buffers::default();
        let mut total = 0_u32;
        while array.len > 0 {
            let mut iovec = [0; IOVEC_BYTES as usize];
            self.read(array, &mut iovec);
            array = array.skip(iovec.len());
            let span = self.span(le_u32(&iovec, 0), le_u32(&iovec, 4))?;
            // The number of bytes transferred is reported in 32 bits.
            total = total.checked_add(span.len as u32).ok_or(Errno::INVAL)?;
            if span.len > 0 {
                buffers.push(span);
            }
        }
        Ok(buffers)
    }

    /// Calls `write` with the bytes of `buffers`; returns what that does.
    pub(crate) fn gather<E>(
        &self,
        buffers: &Buffers,
        write: impl FnOnce(&[IoSlice<'_>]) -> Result<usize, E>,
    ) -> Result<usize, E> {
        match self {
            Guest::Own(bytes) => gather(bytes, buffers.spans(), write),
            Guest::Shared(..) => {
                let mut bounce = vec![0; buffers.len().min(BOUNCE_BYTES)];
                let mut rest = &mut *bounce;
                for span in buffers.spans() {
                    let (part, after) = rest.split_at_mut(span.len.min(rest.len()));
                    self.read(*span, part);
                    rest = after;
                }
                write(&[IoSlice::new(&bounce)])
            }
        }
    }

    /// Calls `read` with the bytes of `buffers`, to be filled, and returns how many it says it has
    /// filled. When some overlap it may be offered the first only; the read is then a short one.
    pub(crate) fn scatter<E>(
        &mut self,
        buffers: &Buffers,
        read: impl FnOnce(&mut [IoSliceMut<'_>]) -> Result<usize, E>,
    ) -> Result<usize, E> {
        match self {
            Guest::Own(bytes) => scatter(bytes, buffers.spans(), read),
            Guest::Shared(..) => {
                let mut bounce = vec![0; buffers.len().min(BOUNCE_BYTES)];
                let count = read(&mut [IoSliceMut::new(&mut bounce)])?;
                let mut rest = &bounce[..count];
                for span in buffers.spans() {
                    let count = self.put(*span, rest);
                    rest = &rest[count..];
                }
                Ok(count)
            }
        }
    }
}

fn gather<R>(bytes: &[u8], spans: &[Span], write: impl FnOnce(&[IoSlice<'_>]) -> R) -> R {
    let slice = |span: &Span| IoSlice::new(&bytes[span.range()]);
    match spans {
        [] => write(&[]),
        [one] => write(&[slice(one)]),
        [one, two] => write(&[slice(one), slice(two)]),
        many => write(&many.iter().map(slice).collect::<Vec<_>>()),
    }
}

fn scatter<R>(
    bytes: &mut [u8],
    spans: &[Span],
    read: impl FnOnce(&mut [IoSliceMut<'_>]) -> R,
) -> R {
    match *spans {
        [] => read(&mut []),
        [one] => read(&mut [IoSliceMut::new(&mut bytes[one.range()])]),
        [one, two] if one.end() <= two.start => {
            let (low, high) = bytes.split_at_mut(two.start);
            let (one, two) = (&mut low[one.range()], &mut high[..two.len]);
            read(&mut [IoSliceMut::new(one), IoSliceMut::new(two)])
        }
        [one, two] if two.end() <= one.start => {
            let (low, high) = bytes.split_at_mut(one.start);
            let (one, two) = (&mut high[..one.len], &mut low[two.range()]);
            read(&mut [IoSliceMut::new(one), IoSliceMut::new(two)])
        }
        [one, _] => read(&mut [IoSliceMut::new(&mut bytes[one.range()])]),
        ref many => scatter_many(bytes, many, read),
    }
}

fn scatter_many<R>(
    bytes: &mut [u8],
    spans: &[Span],
    read: impl FnOnce(&mut [IoSliceMut<'_>]) -> R,
) -> R {
    let mut order: Vec<usize> = (0..spans.len()).collect();
    order.sort_unstable_by_key(|&i| spans[i].start);
    if order.windows(2).any(|pair| spans[pair[0]].end() > spans[pair[1]].start) {
        return read(&mut [IoSliceMut::new(&mut bytes[spans[0].range()])]);
    }
    let mut slices: Vec<IoSliceMut<'_>> = spans.iter().map(|_| IoSliceMut::new(&mut [])).collect();
    let mut rest = bytes;
    let mut position = 0;
    for i in order {
        let span = spans[i];
        let (_, tail) = mem::take(&mut rest).split_at_mut(span.start - position);
        let (slice, tail) = tail.split_at_mut(span.len);
        slices[i] = IoSliceMut::new(slice);
        (rest, position) = (tail, span.end());
    }
    read(&mut slices)
}

/// The buffers of one read or write that are not empty, at most [`MAX_BUFFERS`] of them.
#[derive(Default)]
pub(crate) struct Buffers {
    few: [Span; FEW_BUFFERS],
    /// All of them, once they are more than few.
    many: Vec<Span>,
    count: usize,
}

impl Buffers {
    /// One buffer.
    pub(crate) fn of(span: Span) -> Buffers {
        let mut buffers = Buffers::default();
        buffers.push(span);
        buffers
    }

    /// Bytes in all of them, less than 2^32.
    fn len(&self) -> usize {
        self.spans().iter().map(|span| span.len).sum()
    }

    fn push(&mut self, span: Span) {
        if self.count == MAX_BUFFERS {
            return;
        }
        if self.count < FEW_BUFFERS {
            self.few[self.count] = span;
        } else {
            if self.count == FEW_BUFFERS {
                self.many.extend(self.few);
            }
            self.many.push(span);
        }
        self.count += 1;
    }

    fn spans(&self) -> &[Span] {
        if self.many.is_empty() { &self.few[..self.count] } else { &self.many }
    }
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
