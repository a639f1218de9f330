//! Copying into and out of guest memory: data segments, and what the host exchanges with shared memories. (Compiled code
//! copies and fills by itself.)
//!
//! The range is checked before anything is changed. Nothing here makes a reference to guest bytes: bytes of a shared
//! memory may be changed by other threads meanwhile, and are read and written by relaxed atomic accesses. Those of one
//! copy may become visible in any order, which is what the specification says of data segments too.

use super::store::StoreOpaque;
use palisade_environ::Trap;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};

/// Bytes that are copied at once where the place is aligned.
const WORD: usize = size_of::<u64>();

impl StoreOpaque {
    /// Writes the bytes of a data segment.
    pub(super) fn memory_write(
        &mut self,
        memory: u32,
        start: u64,
        bytes: &[u8],
    ) -> Result<(), Trap> {
        let memory = &self.memories[memory as usize];
        let end = start.checked_add(bytes.len() as u64).filter(|end| *end <= memory.len() as u64);
        end.ok_or(Trap::MemoryOutOfBounds)?;
        let written = memory.base().wrapping_add(start as usize);
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

/// Writes bytes that no guest can reach.
///
/// # Safety
///
/// * The range must be accessible for writing.
/// * Other accesses to it at the same time must be atomic or made outside of Rust. Rust leaves open what atomic accesses
///   of different sizes to the same bytes do; on the machine each is indivisible, and guests make such as well.
pub(super) unsafe fn write_atomic(to: *mut u8, bytes: &[u8]) {
    let mut rest = bytes;
    while !rest.is_empty() {
        let place = to.wrapping_add(bytes.len() - rest.len());
        match rest.split_first_chunk::<WORD>() {
            Some((word, after)) if (place as usize).is_multiple_of(WORD) => {
                let word = u64::from_ne_bytes(*word);
                // SAFETY: aligned, and accessible by this function's contract.
                unsafe { AtomicU64::from_ptr(place.cast()) }.store(word, Ordering::Relaxed);
                rest = after;
            }
            _ => {
                // SAFETY: accessible by this function's contract.
                unsafe { AtomicU8::from_ptr(place) }.store(rest[0], Ordering::Relaxed);
                rest = &rest[1..];
            }
        }
    }
}

/// Fills `to` from bytes that no reference may be made to, each of which is read once.
///
/// # Safety
///
/// * As many bytes from `from` must be accessible for reading.
/// * Other accesses, as for [`write_atomic`].
pub(super) unsafe fn read_atomic(from: *mut u8, to: &mut [u8]) {
    let mut done = 0;
    while done < to.len() {
        let place = from.wrapping_add(done);
        match to[done..].first_chunk_mut::<WORD>() {
            Some(word) if (place as usize).is_multiple_of(WORD) => {
                // SAFETY: aligned, and accessible by this function's contract.
                let value = unsafe { AtomicU64::from_ptr(place.cast()) }.load(Ordering::Relaxed);
                *word = value.to_ne_bytes();
                done += WORD;
            }
            _ => {
                // SAFETY: accessible by this function's contract.
                to[done] = unsafe { AtomicU8::from_ptr(place) }.load(Ordering::Relaxed);
                done += 1;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn atomic_writes() {
        #[repr(align(8))]
        struct Bytes([u8; 64]);
        for to in 0..20 {
            for len in 0..40 {
                let mut actual = Bytes(std::array::from_fn(|i| i as u8));
                let mut expected = actual.0;
                let bytes: Vec<u8> = (0..len).map(|i| 200 - i as u8).collect();
                // SAFETY: 19 + 39 bytes are within the array, and nobody else uses it.
                unsafe { write_atomic(actual.0.as_mut_ptr().add(to), &bytes) };
                expected[to..to + len].copy_from_slice(&bytes);
                assert_eq!(actual.0, expected, "write of {len} bytes at {to}");
            }
        }
    }

    #[test]
    fn atomic_reads() {
        #[repr(align(8))]
        struct Bytes([u8; 64]);
        let mut bytes = Bytes(std::array::from_fn(|i| i as u8));
        for from in 0..20 {
            for len in 0..40 {
                let mut actual = vec![0; len];
                // SAFETY: 19 + 39 bytes are within the array, and nobody else uses it.
                unsafe { read_atomic(bytes.0.as_mut_ptr().add(from), &mut actual) };
                assert_eq!(actual, bytes.0[from..from + len], "read of {len} bytes at {from}");
            }
        }
    }
}
