//! What can go wrong between a host and its guest, in two types.
//!
//! [`AccessError`] is what reading and writing memory gives: small, without an allocation, because
//! views are made in loops. [`GuestError`] is about what a guest exports. Both become a
//! [`palisade::Error`] by `?`, in which `downcast_ref` finds them; what a guest's own functions
//! fail with passes through unchanged.

/// Bytes of a guest cannot be read or written as asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AccessError {
    /// Some of the bytes are outside of the memory.
    #[error(
        "{len} bytes at address {address:#x} are not within the guest's memory of {memory} bytes"
    )]
    OutOfBounds {
        /// The first byte.
        address: u64,
        /// How many bytes; `u64::MAX` if they are more than that.
        len: u64,
        /// The memory's size in bytes.
        memory: u64,
    },
    /// Something that has to be aligned is not.
    #[error("address {address:#x} is not aligned to {align} bytes")]
    Misaligned {
        /// Where it is.
        address: u64,
        /// The alignment that it needs.
        align: usize,
    },
    /// A pointer that has to point to something is null.
    #[error("the guest's pointer is null")]
    Null,
    /// A text has no terminator before the limit or the end of memory.
    #[error("the text at address {address:#x} has no terminator within {searched} bytes")]
    Unterminated {
        /// Where it begins.
        address: u64,
        /// How many bytes were searched.
        searched: usize,
    },
    /// A text or array is longer than the limit.
    #[error("{len} bytes are more than the limit of {limit}")]
    TooLong {
        /// Its bytes.
        len: u64,
        /// The limit.
        limit: u64,
    },
    /// A text is not of the encoding that it has to be of.
    #[error("the bytes at address {address:#x} are not {encoding}")]
    Malformed {
        /// The first byte that cannot be.
        address: u64,
        /// The encoding's name.
        encoding: &'static str,
    },
    /// A text cannot be written in the encoding.
    #[error("{encoding} has no {character:?}")]
    Unencodable {
        /// The first character that the encoding lacks.
        character: char,
        /// The encoding's name.
        encoding: &'static str,
    },
    /// A text that is to end with a NUL has one inside.
    #[error("the text has a NUL at byte {offset}, where the guest would see its end")]
    InteriorNul {
        /// Bytes before it.
        offset: usize,
    },
    /// What is to be written needs more room than there is.
    #[error("{needed} bytes do not fit into {room}")]
    NoRoom {
        /// The bytes that it needs.
        needed: usize,
        /// The bytes that there are.
        room: usize,
    },
}

/// A guest does not have what an exchange needs of it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum GuestError {
    /// It does not export something of this name.
    #[error("the guest exports no {kind} `{name}`{hint}")]
    Missing {
        /// The kind of item that was looked for.
        kind: &'static str,
        /// The name.
        name: String,
        /// What else may be meant; empty, or a phrase that begins with a colon.
        hint: String,
    },
    /// It exports something else of this name.
    #[error("the guest's export `{name}` is a {found}, not a {kind}")]
    WrongKind {
        /// The name.
        name: String,
        /// The kind of item that was looked for.
        kind: &'static str,
        /// What it is.
        found: &'static str,
    },
    /// A function has another type.
    #[error("the guest's function `{name}` has the type {found}, but is used as {expected}")]
    Signature {
        /// The function's name.
        name: String,
        /// The type that it was to have.
        expected: String,
        /// The type that it has.
        found: String,
    },
    /// Its memory cannot be used.
    #[error("{0}")]
    Memory(String),
    /// It has no allocator that can be used; the message lists what was looked for.
    #[error("the guest has no allocator: {0}")]
    NoAllocator(String),
    /// It has no stack that the host can use; the message lists what was looked for.
    #[error("the guest's stack cannot be used: {0}")]
    NoStack(String),
    /// Its allocator has refused.
    #[error("the guest has no memory left for {size} bytes")]
    Exhausted {
        /// The bytes that were asked for.
        size: u64,
    },
    /// Its allocator has given what cannot be an allocation.
    #[error("the guest's allocator gave address {address:#x} for {size} bytes: {reason}")]
    BadAllocation {
        /// What it gave.
        address: u64,
        /// The bytes that were asked for.
        size: u64,
        /// What is wrong with that.
        reason: &'static str,
    },
    /// Its table cannot take a function.
    #[error("no function can be placed in the guest's table: {0}")]
    Table(String),
    /// An index at which no function of the host is.
    #[error("no function of the host was placed at index {index} of the guest's table")]
    NotACallback {
        /// The index.
        index: u64,
    },
    /// A class of an AssemblyScript guest is not what it was taken for.
    #[error("class {class} is {found}, not {expected}")]
    WrongClass {
        /// The class's id.
        class: u32,
        /// What it was to be.
        expected: String,
        /// What it is.
        found: String,
    },
    /// An AssemblyScript object is not what it was taken for.
    #[error("the object at address {address:#x} is {found}, not {expected}")]
    WrongObject {
        /// Where its data begins.
        address: u64,
        /// What it was to be.
        expected: String,
        /// What it is.
        found: String,
    },
}
