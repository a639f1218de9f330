//! How exception handlers are named in the tables of compiled code.

use crate::TagIndex;

/// What a handler catches, and what it does with the exception. Compiled code's tables hold its bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Catch {
    /// The tag that it catches; `None` catches every exception.
    pub tag: Option<TagIndex>,
    /// Whether the exception is needed after its values have been read.
    pub keep: Keep,
}

/// How long a caught exception is needed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Keep {
    /// Only its values are read.
    No,
    /// While the handler of this frame runs, which may throw it again (`rethrow`).
    Handler,
    /// As long as there are references to it: the handler gets one.
    Reference,
}

impl Catch {
    const ALL: u32 = 1 << 24;
    const HANDLER: u32 = 1 << 25;
    const REFERENCE: u32 = 1 << 26;

    /// As it stands in a table.
    ///
    /// # Panics
    ///
    /// If the tag's index is 2^24 or more; modules have at most a million tags.
    pub fn to_bits(self) -> u32 {
        let keep = match self.keep {
            Keep::No => 0,
            Keep::Handler => Catch::HANDLER,
            Keep::Reference => Catch::REFERENCE,
        };
        let tag = self.tag.map_or(Catch::ALL, TagIndex::as_u32);
        assert!(tag <= Catch::ALL, "modules have fewer than 2^24 tags");
        tag | keep
    }

    /// From a table.
    pub fn from_bits(bits: u32) -> Catch {
        let keep = match bits & (Catch::HANDLER | Catch::REFERENCE) {
            0 => Keep::No,
            Catch::HANDLER => Keep::Handler,
            _ => Keep::Reference,
        };
        let all = bits & Catch::ALL != 0;
        Catch { tag: (!all).then(|| TagIndex::from_u32(bits & (Catch::ALL - 1))), keep }
    }
}
