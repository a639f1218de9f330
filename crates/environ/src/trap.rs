//! Why guest code stops.

use std::fmt;

macro_rules! traps {
    ($($(#[$doc:meta])* $name:ident = $code:literal $text:literal)*) => {
        /// The fault that a guest committed. One byte, so that it can stand in a compiled function's trap table.
        ///
        /// The `Display` texts are those of the specification's test suite where it has one.
        #[derive(Copy, Clone, Debug, PartialEq, Eq, Hash)]
        #[repr(u8)]
        #[non_exhaustive]
        pub enum Trap { $($(#[$doc])* $name = $code,)* }

        impl Trap {
            /// Every trap.
            pub const ALL: &[Trap] = &[$(Trap::$name),*];

            /// The trap with this code, if there is one.
            pub fn from_code(code: u8) -> Option<Trap> {
                match code { $($code => Some(Trap::$name),)* _ => None }
            }

            fn text(self) -> &'static str {
                match self { $(Trap::$name => $text,)* }
            }
        }
    };
}

traps! {
    /// The stack is exhausted.
    StackOverflow = 1 "call stack exhausted"
    /// An access outside of a linear memory.
    MemoryOutOfBounds = 2 "out of bounds memory access"
    /// An atomic access to an address that is not a multiple of its size.
    HeapMisaligned = 3 "unaligned atomic"
    /// An access outside of a table.
    TableOutOfBounds = 4 "undefined element: out of bounds table access"
    /// `call_indirect` of a null entry.
    IndirectCallToNull = 5 "uninitialized element"
    /// `call_indirect` of a function of another type.
    BadSignature = 6 "indirect call type mismatch"
    /// A signed division whose result does not fit.
    IntegerOverflow = 7 "integer overflow"
    /// A division by zero.
    IntegerDivisionByZero = 8 "integer divide by zero"
    /// A conversion of NaN to an integer.
    BadConversionToInteger = 9 "invalid conversion to integer"
    /// The `unreachable` instruction.
    UnreachableCodeReached = 10 "wasm `unreachable` instruction executed"
    /// Execution was stopped from outside.
    Interrupt = 11 "interrupt"
    /// The fuel that the host has allowed is used up.
    OutOfFuel = 12 "all fuel consumed by WebAssembly"
    /// `memory.atomic.wait` on a memory that is not shared.
    AtomicWaitNonSharedMemory = 13 "atomic wait on non-shared memory"
    /// Use of a null reference that must not be null.
    NullReference = 16 "null reference"
    /// An access outside of an array.
    ArrayOutOfBounds = 17 "out of bounds array access"
    /// An allocation that can never succeed.
    AllocationTooLarge = 18 "allocation size too large"
    /// A cast to a type that the reference does not have.
    CastFailure = 19 "cast failure"
}

impl Trap {
    /// The code that trap tables hold; never 0.
    pub const fn code(self) -> u8 {
        self as u8
    }
}

impl fmt::Display for Trap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "wasm trap: {}", self.text())
    }
}

impl std::error::Error for Trap {}
