//! The CPU's type for a vector of 128 bits.
//!
//! Only it travels in vector registers when a C function is called; `u128` travels in integer registers or memory.
//! Invariant: lane 0 is the least significant one, as in the integer of the same bits.

#[cfg(target_arch = "aarch64")]
use core::arch::aarch64::uint8x16_t as Register;
#[cfg(target_arch = "x86_64")]
use core::arch::x86_64::__m128i as Register;

/// A vector, passed to and returned from C functions as compiled code does it.
#[derive(Debug, Clone, Copy)]
#[repr(transparent)]
pub struct Vector(Register);

impl Vector {
    /// All bits zero.
    pub const ZERO: Vector = Vector::from_bits(0);

    /// A vector of these bits.
    #[inline]
    pub const fn from_bits(bits: u128) -> Vector {
        // SAFETY: both types have 16 bytes, and all values of them are valid.
        Vector(unsafe { core::mem::transmute::<u128, Register>(bits) })
    }

    /// Its bits.
    #[inline]
    pub const fn bits(self) -> u128 {
        // SAFETY: both types have 16 bytes, and all values of them are valid.
        unsafe { core::mem::transmute::<Register, u128>(self.0) }
    }
}
