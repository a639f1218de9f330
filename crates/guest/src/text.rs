//! Encodings of text, as guests use them.
//!
//! Rust's `str` is on the host's side, whatever the guest has. Nothing here looks at a guest's
//! memory; `view.rs` finds the bytes, and bounds them.

use crate::AccessError;
use std::borrow::Cow;
use std::ffi::CStr;

/// How a guest encodes text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Encoding {
    /// One to four bytes a character: C programs of today, Rust, Go, Zig.
    Utf8,
    /// Two or four bytes a character, little-endian, without a byte order mark: AssemblyScript, and
    /// C's `char16_t`.
    Utf16,
    /// One byte for each of the characters up to U+00FF (ISO 8859-1).
    Latin1,
}

/// Where a text in a guest's memory ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Extent {
    /// After so many units: bytes, or pairs of them in UTF-16. NULs are characters as others.
    Units(usize),
    /// Before the first unit that is zero, as in C.
    Terminated,
}

impl Encoding {
    /// Bytes that `text` takes, without a terminator.
    ///
    /// ```
    /// use palisade_guest::Encoding;
    ///
    /// assert_eq!(Encoding::Utf8.len_bytes("né🎉"), 7);
    /// assert_eq!(Encoding::Utf16.len_bytes("né🎉"), 8);
    /// ```
    pub fn len_bytes(self, text: &str) -> usize {
        match self {
            Encoding::Utf8 => text.len(),
            Encoding::Utf16 => text.encode_utf16().count() * 2,
            Encoding::Latin1 => text.chars().count(),
        }
    }

    /// Bytes of a unit, which is also what a terminator takes.
    pub fn unit_bytes(self) -> usize {
        match self {
            Encoding::Utf8 | Encoding::Latin1 => 1,
            Encoding::Utf16 => 2,
        }
    }

    /// Its usual name.
    pub fn name(self) -> &'static str {
        match self {
            Encoding::Utf8 => "UTF-8",
            Encoding::Utf16 => "UTF-16",
            Encoding::Latin1 => "Latin-1",
        }
    }

    /// Bytes before the first unit that is zero.
    pub(crate) fn find_end(self, bytes: &[u8]) -> Option<usize> {
        match self {
            Encoding::Utf8 | Encoding::Latin1 => {
                CStr::from_bytes_until_nul(bytes).ok().map(CStr::count_bytes)
            }
            Encoding::Utf16 => Some(bytes.chunks_exact(2).position(|unit| unit == [0, 0])? * 2),
        }
    }

    /// The text that `bytes`, found at `address`, are.
    pub(crate) fn decode(self, bytes: &[u8], address: u64) -> Result<Cow<'_, str>, AccessError> {
        let malformed = |offset: usize| AccessError::Malformed {
            address: address + offset as u64,
            encoding: self.name(),
        };
        match self {
            Encoding::Utf8 => match std::str::from_utf8(bytes) {
                Ok(text) => Ok(text.into()),
                Err(error) => Err(malformed(error.valid_up_to())),
            },
            Encoding::Utf16 => {
                let mut text = String::with_capacity(bytes.len() / 2);
                let mut offset = 0;
                for character in char::decode_utf16(units(bytes)) {
                    let character = character.map_err(|_| malformed(offset))?;
                    offset += character.len_utf16() * 2;
                    text.push(character);
                }
                Ok(text.into())
            }
            Encoding::Latin1 => Ok(bytes.iter().map(|byte| char::from(*byte)).collect()),
        }
    }

    /// As [`decode`](Self::decode), with U+FFFD in place of what cannot be.
    pub(crate) fn decode_lossy(self, bytes: &[u8]) -> Cow<'_, str> {
        match self {
            Encoding::Utf8 => String::from_utf8_lossy(bytes),
            Encoding::Utf16 => char::decode_utf16(units(bytes))
                .map(|character| character.unwrap_or(char::REPLACEMENT_CHARACTER))
                .collect(),
            Encoding::Latin1 => bytes.iter().map(|byte| char::from(*byte)).collect(),
        }
    }

    /// The bytes that `text` takes.
    pub(crate) fn encode(self, text: &str) -> Result<Cow<'_, [u8]>, AccessError> {
        match self {
            Encoding::Utf8 => Ok(text.as_bytes().into()),
            Encoding::Utf16 => Ok(text.encode_utf16().flat_map(u16::to_le_bytes).collect()),
            Encoding::Latin1 => {
                let byte = |character| {
                    u8::try_from(character)
                        .map_err(|_| AccessError::Unencodable { character, encoding: self.name() })
                };
                text.chars().map(byte).collect()
            }
        }
    }

    /// The longest beginning of `text` that takes at most `room` bytes.
    pub(crate) fn truncate(self, text: &str, room: usize) -> &str {
        let mut used = 0;
        for (offset, character) in text.char_indices() {
            used += match self {
                Encoding::Utf8 => character.len_utf8(),
                Encoding::Utf16 => character.len_utf16() * 2,
                Encoding::Latin1 => 1,
            };
            if used > room {
                return &text[..offset];
            }
        }
        text
    }
}

/// An odd last byte is left out; ranges of UTF-16 are made of whole units.
fn units(bytes: &[u8]) -> impl Iterator<Item = u16> + '_ {
    bytes.chunks_exact(2).map(|unit| u16::from_le_bytes([unit[0], unit[1]]))
}

/// That `text` can be followed by a terminator.
pub(crate) fn without_nul(text: &str) -> Result<&str, AccessError> {
    match text.find('\0') {
        Some(offset) => Err(AccessError::InteriorNul { offset }),
        None => Ok(text),
    }
}
