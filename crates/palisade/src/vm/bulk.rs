//! Writing data segments into guest memory. (Compiled code copies and fills by itself.)
//!
//! The range is checked before anything is changed. Nothing here makes a reference to guest bytes: bytes of a shared
//! memory may be changed by other threads meanwhile, and are written by relaxed atomic accesses. Those of one segment may
//! become visible in any order, which is what the specification says of them too.

use super::store::StoreOpaque;
use palisade_environ::Trap;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};

/// Bytes that are written at once where the place is aligned.
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
unsafe fn write_atomic(to: *mut u8, bytes: &[u8]) {
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
}
