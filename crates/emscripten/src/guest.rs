//! The guest's memory, with every access checked.
//!
//! Invariant: nothing here panics whatever addresses and lengths the guest gives. Large ranges of a
//! shared memory are copied in parts, because any number of threads can ask for that at a time.

use std::borrow::Cow;

use palisade::{Memory, SharedMemory};

use crate::errno::{Errno, Fault};

/// The memory of an instance. Clones are the same one.
#[derive(Debug, Clone)]
pub(crate) enum GuestMemory {
    Own(Memory),
    Shared(SharedMemory),
}

/// The memory for the length of one call.
pub(crate) enum Guest<'a> {
    Own(&'a mut [u8]),
    /// Other threads may change it at any time, so it is only copied.
    Shared(SharedMemory),
}

/// At most so many bytes of a shared memory are copied for one transfer.
const COPY: u32 = 64 << 10;

/// Where `len` bytes at `addr` are, if they are within `size` bytes.
fn range(addr: u32, len: usize, size: usize) -> Result<std::ops::Range<usize>, Fault> {
    let start = addr as usize;
    let end = start.checked_add(len).filter(|end| *end <= size).ok_or(Fault)?;
    Ok(start..end)
}

macro_rules! numbers {
    (get [$($get:ident $read:ty),*] put [$($put:ident $ty:ty),*]) => {
        $(pub(crate) fn $get(&self, addr: u32) -> Result<$read, Fault> {
            let mut bytes = [0; size_of::<$read>()];
            self.read(addr, &mut bytes)?;
            Ok(<$read>::from_le_bytes(bytes))
        })*

        $(pub(crate) fn $put(&mut self, addr: u32, value: $ty) -> Result<(), Fault> {
            self.write(addr, &value.to_le_bytes())
        })*
    };
}

impl Guest<'_> {
    /// Its size in bytes.
    pub(crate) fn len(&self) -> usize {
        match self {
            Guest::Own(bytes) => bytes.len(),
            Guest::Shared(memory) => memory.data_size(),
        }
    }

    pub(crate) fn read(&self, addr: u32, buffer: &mut [u8]) -> Result<(), Fault> {
        match self {
            Guest::Own(bytes) => {
                buffer.copy_from_slice(&bytes[range(addr, buffer.len(), bytes.len())?]);
                Ok(())
            }
            Guest::Shared(memory) => memory.read(addr as usize, buffer).map_err(|_| Fault),
        }
    }

    pub(crate) fn write(&mut self, addr: u32, buffer: &[u8]) -> Result<(), Fault> {
        match self {
            Guest::Own(bytes) => {
                let range = range(addr, buffer.len(), bytes.len())?;
                bytes[range].copy_from_slice(buffer);
                Ok(())
            }
            Guest::Shared(memory) => memory.write(addr as usize, buffer).map_err(|_| Fault),
        }
    }

    numbers! {
        get [u8 u8, u32 u32, i32 i32, u64 u64, i64 i64]
        put [
            put_u8 u8, put_u16 u16, put_u32 u32, put_i32 i32, put_u64 u64, put_i64 i64, put_f64 f64
        ]
    }

    /// Whether the memory has these bytes.
    pub(crate) fn has(&self, addr: u32, len: u32) -> Result<(), Fault> {
        range(addr, len as usize, self.len()).map(drop)
    }

    /// Whether other threads may change it.
    pub(crate) fn is_shared(&self) -> bool {
        matches!(self, Guest::Shared(_))
    }

    /// The range in parts of at most 64 KiB, by address and length.
    pub(crate) fn parts(
        &self,
        addr: u32,
        len: u32,
    ) -> Result<impl DoubleEndedIterator<Item = (u32, u32)> + use<>, Fault> {
        self.has(addr, len)?;
        let count = len.div_ceil(COPY);
        Ok((0..count).map(move |i| (addr + i * COPY, COPY.min(len - i * COPY))))
    }

    /// The bytes, borrowed where no other thread can change them: of a shared memory those of one
    /// part ([`parts`](Self::parts)).
    pub(crate) fn bytes(&self, addr: u32, len: u32) -> Result<Cow<'_, [u8]>, Fault> {
        let range = range(addr, len as usize, self.len())?;
        match self {
            Guest::Own(bytes) => Ok(Cow::Borrowed(&bytes[range])),
            Guest::Shared(memory) => {
                let mut copy = vec![0; range.len()];
                memory.read(range.start, &mut copy).map_err(|_| Fault)?;
                Ok(Cow::Owned(copy))
            }
        }
    }

    /// Lets `fill` write the beginning of the bytes; it says how many it has written. Of a shared
    /// memory it gets no more than 64 KiB.
    pub(crate) fn fill(
        &mut self,
        addr: u32,
        len: u32,
        fill: impl FnOnce(&mut [u8]) -> Result<usize, Errno>,
    ) -> Result<usize, Errno> {
        let range = range(addr, len as usize, self.len())?;
        match self {
            Guest::Own(bytes) => fill(&mut bytes[range]),
            Guest::Shared(memory) => {
                let mut copy = vec![0; range.len().min(COPY as usize)];
                let count = fill(&mut copy)?;
                memory.write(range.start, &copy[..count]).map_err(|_| Fault)?;
                Ok(count)
            }
        }
    }

    /// The bytes at `addr` up to a NUL, which must come before `limit` bytes or there is
    /// `None`.
    pub(crate) fn c_bytes(&self, addr: u32, limit: usize) -> Result<Option<Vec<u8>>, Fault> {
        let left = self.len().checked_sub(addr as usize).ok_or(Fault)?;
        let mut found = Vec::new();
        let mut chunk = [0; 256];
        while found.len() < left.min(limit) {
            let len = chunk.len().min(left - found.len());
            let at = u32::try_from(addr as usize + found.len()).map_err(|_| Fault)?;
            self.read(at, &mut chunk[..len])?;
            match chunk[..len].iter().position(|byte| *byte == 0) {
                Some(end) => {
                    found.extend_from_slice(&chunk[..end]);
                    return Ok(if found.len() < limit { Some(found) } else { None });
                }
                None => found.extend_from_slice(&chunk[..len]),
            }
        }
        if found.len() == left { Err(Fault) } else { Ok(None) }
    }

    /// A string for a message: cut off after `limit` bytes, `?` where the pointer is wild.
    pub(crate) fn text(&self, addr: u32, limit: usize) -> String {
        match self.c_bytes(addr, limit) {
            Ok(Some(bytes)) => String::from_utf8_lossy(&bytes).into_owned(),
            Ok(None) => {
                let cut = self.bytes(addr, u32::try_from(limit).unwrap_or(u32::MAX));
                cut.map_or("?".into(), |bytes| String::from_utf8_lossy(&bytes).into_owned() + "...")
            }
            Err(Fault) => "?".into(),
        }
    }

    /// Copies within the memory; the ranges may overlap.
    pub(crate) fn copy_within(&mut self, to: u32, from: u32, len: u32) -> Result<(), Fault> {
        let source = range(from, len as usize, self.len())?;
        let target = range(to, len as usize, self.len())?;
        match self {
            Guest::Own(bytes) => {
                bytes.copy_within(source, target.start);
                Ok(())
            }
            Guest::Shared(_) => {
                let copy = |guest: &mut Self, (part, len): (u32, u32)| {
                    let bytes = guest.bytes(part, len)?.into_owned();
                    guest.write(to + (part - from), &bytes)
                };
                let mut parts = self.parts(from, len)?;
                // From the end that is not overwritten before it is read.
                match to <= from {
                    true => parts.try_for_each(|part| copy(self, part)),
                    false => parts.rev().try_for_each(|part| copy(self, part)),
                }
            }
        }
    }

    /// Bytes of the string at `addr` before its NUL.
    pub(crate) fn c_len(&self, addr: u32) -> Result<u32, Fault> {
        let size = u32::try_from(self.len()).unwrap_or(u32::MAX);
        let mut chunk = [0; 256];
        let mut at = addr;
        while at < size {
            let chunk = &mut chunk[..256.min(size - at) as usize];
            self.read(at, chunk)?;
            if let Some(end) = chunk.iter().position(|byte| *byte == 0) {
                return Ok(at + end as u32 - addr);
            }
            at += chunk.len() as u32;
        }
        Err(Fault)
    }
}

#[cfg(test)]
mod tests {
    use super::{COPY, Guest};
    use palisade::{Config, Engine, MemoryType, SharedMemory};

    fn shared() -> SharedMemory {
        let engine = Engine::new(&Config::new()).unwrap();
        SharedMemory::new(&engine, MemoryType::shared(4, 4)).unwrap()
    }

    #[test]
    fn copies_in_parts_may_overlap() {
        let memory = shared();
        let pattern: Vec<u8> = (0..4 * 65536_u32).map(|i| (i * 7 % 251) as u8).collect();
        for (to, from, len) in
            [(0, 100, 3 * COPY + 5), (100, 0, 3 * COPY + 5), (COPY, 0, 3 * COPY), (5, 5, 3 * COPY)]
        {
            memory.write(0, &pattern).unwrap();
            Guest::Shared(memory.clone()).copy_within(to, from, len).unwrap();
            let mut found = vec![0; pattern.len()];
            memory.read(0, &mut found).unwrap();
            let mut expected = pattern.clone();
            expected.copy_within(from as usize..(from + len) as usize, to as usize);
            assert!(found == expected, "{to} {from} {len}");
        }
        let mut guest = Guest::Shared(memory);
        assert!(guest.copy_within(1, 0, 4 * 65536).is_err());
        assert!(guest.copy_within(0, 1, 4 * 65536).is_err());
    }

    #[test]
    fn parts_make_up_the_range() {
        let guest = Guest::Shared(shared());
        let parts = |addr, len| guest.parts(addr, len).map(|parts| parts.collect::<Vec<_>>());
        assert_eq!(parts(9, 0).unwrap(), []);
        assert_eq!(parts(9, COPY).unwrap(), [(9, COPY)]);
        assert_eq!(parts(9, 2 * COPY + 1).unwrap().len(), 3);
        assert_eq!(parts(9, COPY + 1).unwrap()[1], (9 + COPY, 1));
        assert!(parts(9, 4 * 65536).is_err() && parts(u32::MAX, u32::MAX).is_err());
    }

    #[test]
    fn strings_end_before_their_limit_and_the_memory() {
        let mut bytes = *b"abc\0defg";
        let guest = Guest::Own(&mut bytes);
        assert_eq!(guest.c_bytes(0, 4).unwrap().unwrap(), b"abc");
        assert_eq!(guest.c_bytes(0, 3).unwrap(), None);
        assert!(guest.c_bytes(4, 100).is_err(), "runs out of the memory");
        assert!(guest.c_bytes(9, 100).is_err());
        assert!(guest.c_bytes(u32::MAX, 100).is_err());
        assert_eq!(guest.text(0, 2), "ab...");
        assert_eq!(guest.text(99, 2), "?");
        assert_eq!(guest.c_len(1), Ok(2));
        assert!(guest.c_len(4).is_err() && guest.c_len(8).is_err() && guest.c_len(99).is_err());
    }

    #[test]
    fn accesses_stay_inside() {
        let mut bytes = [1; 8];
        let mut guest = Guest::Own(&mut bytes);
        assert!(guest.u32(5).is_err());
        assert!(guest.u32(u32::MAX).is_err());
        assert!(guest.put_u64(1, 0).is_err());
        assert!(guest.copy_within(4, 0, 5).is_err());
        assert!(guest.fill(4, 5, |_| Ok(0)).is_err());
        assert!(guest.bytes(8, 0).is_ok());
    }
}
