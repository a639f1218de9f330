//! Copying, filling and writing ranges of guest memory.
//!
//! Every range is checked here, before anything is changed. Nothing here makes a reference to guest bytes: bytes of a
//! shared memory may be changed by other threads meanwhile, and are read and written by relaxed atomic accesses. Those
//! of one copy may become visible in any order, which is what the specification says of them too.

use super::memory::MemoryData;
use super::store::StoreOpaque;
use palisade_environ::Trap;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};

/// Bytes that are copied at once where both sides are aligned alike.
const WORD: usize = size_of::<u64>();

impl StoreOpaque {
    /// `memory.copy` between memories at these places of the store.
    pub(super) fn memory_copy(
        &mut self,
        [to, from]: [u32; 2],
        start: u64,
        source: u64,
        len: u64,
    ) -> Result<(), Trap> {
        let (to, from) = (&self.memories[to as usize], &self.memories[from as usize]);
        let read = range(from, source, len)?;
        let written = range(to, start, len)?;
        let len = len as usize;
        if to.is_shared() || from.is_shared() {
            // SAFETY: both ranges are within their memories (checked); the store keeps those.
            unsafe { copy_atomic(written, read, len) };
        } else {
            // SAFETY: likewise, and through `&mut self` nobody else uses the bytes.
            unsafe { std::ptr::copy(read, written, len) };
        }
        Ok(())
    }

    /// `memory.fill`.
    pub(super) fn memory_fill(
        &mut self,
        memory: u32,
        start: u64,
        value: u8,
        len: u64,
    ) -> Result<(), Trap> {
        let memory = &self.memories[memory as usize];
        let written = range(memory, start, len)?;
        if memory.is_shared() {
            // SAFETY: the range is within the memory (checked), which the store keeps.
            unsafe { fill_atomic(written, value, len as usize) };
        } else {
            // SAFETY: likewise, and through `&mut self` nobody else uses the bytes.
            unsafe { written.write_bytes(value, len as usize) };
        }
        Ok(())
    }

    /// Writes the bytes of a data segment.
    pub(super) fn memory_write(
        &mut self,
        memory: u32,
        start: u64,
        bytes: &[u8],
    ) -> Result<(), Trap> {
        let memory = &self.memories[memory as usize];
        let written = range(memory, start, bytes.len() as u64)?;
        if memory.is_shared() {
            // SAFETY: the range is within the memory (checked), which the store keeps.
            unsafe { write_atomic(written, bytes) };
        } else {
            // SAFETY: likewise, and through `&mut self` nobody else uses the bytes of the memory.
            unsafe { written.copy_from(bytes.as_ptr(), bytes.len()) };
        }
        Ok(())
    }
}

/// The address of byte `start` of a memory, which has `len` bytes there.
fn range(memory: &MemoryData, start: u64, len: u64) -> Result<*mut u8, Trap> {
    let end = start.checked_add(len).filter(|end| *end <= memory.len() as u64);
    end.ok_or(Trap::MemoryOutOfBounds)?;
    Ok(memory.base().wrapping_add(start as usize))
}

/// Copies `len` bytes, as if all were read before any is written. Whole words where both sides are aligned alike, else
/// byte by byte, which takes several times as long: a misaligned word cannot be read at once.
///
/// # Safety
///
/// * Both ranges must be accessible, the first for writing.
/// * Other accesses to them at the same time must be atomic or made outside of Rust. Rust leaves open what atomic
///   accesses of different sizes to the same bytes do; on the machine each is indivisible, and guests make such as well.
unsafe fn copy_atomic(to: *mut u8, from: *const u8, len: usize) {
    let from = from.cast_mut();
    let words = (to as usize ^ from as usize).is_multiple_of(WORD);
    let is_word = |at: usize| words && (to as usize + at).is_multiple_of(WORD);
    // SAFETY: callers pass places below `len`; the ranges are accessible by this function's contract.
    let byte = |at: usize| unsafe {
        let value = AtomicU8::from_ptr(from.wrapping_add(at)).load(Ordering::Relaxed);
        AtomicU8::from_ptr(to.wrapping_add(at)).store(value, Ordering::Relaxed);
    };
    // SAFETY: likewise for places up to `len - WORD` where both sides are aligned.
    let word = |at: usize| unsafe {
        let value = AtomicU64::from_ptr(from.wrapping_add(at).cast()).load(Ordering::Relaxed);
        AtomicU64::from_ptr(to.wrapping_add(at).cast()).store(value, Ordering::Relaxed);
    };
    if (to as usize).wrapping_sub(from as usize) >= len {
        // The target begins before the source, or they do not overlap.
        let mut at = 0;
        while at < len {
            if is_word(at) && len - at >= WORD {
                word(at);
                at += WORD;
            } else {
                byte(at);
                at += 1;
            }
        }
    } else {
        let mut end = len;
        while end > 0 {
            if is_word(end) && end >= WORD {
                end -= WORD;
                word(end);
            } else {
                end -= 1;
                byte(end);
            }
        }
    }
}

/// Stores `len` bytes, of which `byte` and `word` give those from a place on.
///
/// # Safety
///
/// As for [`copy_atomic`].
unsafe fn store_atomic(
    to: *mut u8,
    len: usize,
    byte: impl Fn(usize) -> u8,
    word: impl Fn(usize) -> u64,
) {
    let mut at = 0;
    while at < len {
        let place = to.wrapping_add(at);
        if (place as usize).is_multiple_of(WORD) && len - at >= WORD {
            // SAFETY: aligned, and accessible by this function's contract.
            unsafe { AtomicU64::from_ptr(place.cast()) }.store(word(at), Ordering::Relaxed);
            at += WORD;
        } else {
            // SAFETY: accessible by this function's contract.
            unsafe { AtomicU8::from_ptr(place) }.store(byte(at), Ordering::Relaxed);
            at += 1;
        }
    }
}

/// Sets `len` bytes.
///
/// # Safety
///
/// As for [`copy_atomic`].
unsafe fn fill_atomic(to: *mut u8, value: u8, len: usize) {
    // SAFETY: by this function's contract.
    unsafe { store_atomic(to, len, |_| value, |_| u64::from_ne_bytes([value; WORD])) }
}

/// Writes bytes that no guest can reach.
///
/// # Safety
///
/// As for [`copy_atomic`].
unsafe fn write_atomic(to: *mut u8, bytes: &[u8]) {
    let word = |at: usize| {
        let (word, _) = bytes[at..].split_first_chunk().expect("a word is left");
        u64::from_ne_bytes(*word)
    };
    // SAFETY: by this function's contract.
    unsafe { store_atomic(to, bytes.len(), |at| bytes[at], word) }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Copies within an aligned array of 64 different bytes, and compares with what slices do.
    #[test]
    fn atomic_copies_and_fills() {
        #[repr(align(8))]
        struct Bytes([u8; 64]);
        for to in 0..20 {
            for from in 0..20 {
                for len in 0..40 {
                    let mut actual = Bytes(std::array::from_fn(|i| i as u8));
                    let mut expected = actual.0;
                    let base = actual.0.as_mut_ptr();
                    // SAFETY: 19 + 39 bytes are within the array, and nobody else uses it.
                    unsafe { copy_atomic(base.add(to), base.add(from), len) };
                    expected.copy_within(from..from + len, to);
                    assert_eq!(actual.0, expected, "copy of {len} bytes from {from} to {to}");
                    let base = actual.0.as_mut_ptr();
                    // SAFETY: as above.
                    unsafe { fill_atomic(base.add(to), 99, len) };
                    expected[to..to + len].fill(99);
                    assert_eq!(actual.0, expected, "fill of {len} bytes at {to}");
                    let bytes: Vec<u8> = (0..len).map(|i| 200 - i as u8).collect();
                    let base = actual.0.as_mut_ptr();
                    // SAFETY: as above.
                    unsafe { write_atomic(base.add(to), &bytes) };
                    expected[to..to + len].copy_from_slice(&bytes);
                    assert_eq!(actual.0, expected, "write of {len} bytes at {to}");
                }
            }
        }
    }
}
