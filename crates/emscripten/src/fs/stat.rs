//! What is known of a file, and how the versions of Emscripten's C library lay that out.
//!
//! Layouts: `struct stat`, `struct timespec`, `struct dirent` of musl as Emscripten 3.1.6 and 4.0
//! have them.

use crate::errno::Fault;
use crate::guest::Guest;

/// The bits of a mode that say what a file is.
pub(crate) mod kind {
    pub(crate) const MASK: u32 = 0o170_000;
    pub(crate) const FIFO: u32 = 0o010_000;
    pub(crate) const CHAR: u32 = 0o020_000;
    pub(crate) const DIR: u32 = 0o040_000;
    pub(crate) const FILE: u32 = 0o100_000;
    pub(crate) const LINK: u32 = 0o120_000;
}

/// Nanoseconds since 1970.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Times {
    pub(crate) accessed: i64,
    pub(crate) modified: i64,
    pub(crate) changed: i64,
}

impl Times {
    pub(crate) fn all(now: i64) -> Times {
        Times { accessed: now, modified: now, changed: now }
    }
}

#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Stat {
    pub(crate) dev: u32,
    pub(crate) ino: u64,
    /// What it is, and its permissions.
    pub(crate) mode: u32,
    pub(crate) nlink: u32,
    pub(crate) rdev: u32,
    pub(crate) size: u64,
    pub(crate) times: Times,
}

impl Stat {
    pub(crate) fn is_dir(&self) -> bool {
        self.mode & kind::MASK == kind::DIR
    }

    pub(crate) fn put(
        &self,
        guest: &mut Guest<'_>,
        addr: u32,
        layout: Layout,
    ) -> Result<(), Fault> {
        let mut bytes = [0; 96];
        let mut put = |at: usize, value: &[u8]| bytes[at..at + value.len()].copy_from_slice(value);
        let size = self.size.to_le_bytes();
        let blocks = u32::try_from(self.size.div_ceil(4096)).unwrap_or(u32::MAX).to_le_bytes();
        let words = [self.mode, self.nlink, 0, 0, self.rdev].map(u32::to_le_bytes);
        let block = 4096_u32.to_le_bytes();
        put(0, &self.dev.to_le_bytes());
        let (first_word, rest, len) = match layout {
            Layout::Old => (12, [40, 48, 52, 56, 8, 80], 88),
            Layout::New => (4, [24, 32, 36, 40, 16, 88], 96),
        };
        let [at_size, at_block, at_blocks, at_times, time_len, at_ino] = rest;
        for (i, word) in words.iter().enumerate() {
            put(first_word + 4 * i, word);
        }
        put(at_size, &size);
        put(at_block, &block);
        put(at_blocks, &blocks);
        let times = [self.times.accessed, self.times.modified, self.times.changed];
        for (i, time) in times.into_iter().enumerate() {
            let (seconds, nanos) = (time.div_euclid(1_000_000_000), time.rem_euclid(1_000_000_000));
            let at = at_times + i * time_len;
            match layout {
                Layout::Old => put(at, &(seconds as i32).to_le_bytes()),
                Layout::New => put(at, &seconds.to_le_bytes()),
            }
            put(at + time_len / 2, &(nanos as u32).to_le_bytes());
        }
        if layout == Layout::Old {
            put(8, &(self.ino as u32).to_le_bytes());
        }
        put(at_ino, &self.ino.to_le_bytes());
        guest.write(addr, &bytes[..len])
    }
}

/// How the guest's C library lays out what system calls exchange.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Layout {
    /// As Emscripten 3.1.6: `time_t` has 32 bits, `struct stat` 88 bytes.
    Old,
    /// As Emscripten 4: `time_t` has 64 bits, `struct stat` 96 bytes.
    New,
}

impl Layout {
    /// Bytes of a `struct timespec` or `struct timeval`.
    pub(crate) fn time_len(self) -> u32 {
        match self {
            Layout::Old => 8,
            Layout::New => 16,
        }
    }

    /// The two parts of a `struct timespec` or `struct timeval`.
    pub(crate) fn time(self, guest: &Guest<'_>, addr: u32) -> Result<(i64, i32), Fault> {
        let second = addr.checked_add(self.time_len() / 2).ok_or(Fault)?;
        let seconds = match self {
            Layout::Old => i64::from(guest.i32(addr)?),
            Layout::New => guest.i64(addr)?,
        };
        Ok((seconds, guest.i32(second)?))
    }

    /// Stores the two parts.
    pub(crate) fn put_time(
        self,
        guest: &mut Guest<'_>,
        addr: u32,
        seconds: i64,
        part: i32,
    ) -> Result<(), Fault> {
        let second = addr.checked_add(self.time_len() / 2).ok_or(Fault)?;
        match self {
            Layout::Old => guest.put_i32(addr, seconds as i32)?,
            Layout::New => guest.put_i64(addr, seconds)?,
        }
        guest.put_i32(second, part)
    }
}
