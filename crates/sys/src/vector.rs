//! The CPU's type for a vector of 128 bits.
//!
//! Only it travels in vector registers when a C function is called; `u128` travels in integer registers or memory.
//! Invariant: lane 0 is the least significant one, as in the integer of the same bits.

#[cfg(target_arch = "aarch64")]
pub(crate) use core::arch::aarch64::uint8x16_t as Register;
#[cfg(target_arch = "x86_64")]
pub(crate) use core::arch::x86_64::__m128i as Register;

/// A vector, passed to and returned from C functions as compiled code does it.
#[derive(Debug, Clone, Copy)]
#[repr(transparent)]
pub struct Vector(pub(crate) Register);

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

    /// With a number in its first bytes; the others are zero.
    #[inline]
    pub const fn from_f64(value: f64) -> Vector {
        let lanes = [value, 0.0];
        // SAFETY: both types have 16 bytes, and all values of them are valid.
        Vector(unsafe { core::mem::transmute::<[f64; 2], Register>(lanes) })
    }

    /// The number in its first bytes.
    #[inline]
    pub const fn f64(self) -> f64 {
        // SAFETY: both types have 16 bytes, and all values of them are valid.
        let lanes = unsafe { core::mem::transmute::<Register, [f64; 2]>(self.0) };
        lanes[0]
    }

    /// With a number in its first bytes; the others are zero.
    #[inline]
    pub const fn from_f32(value: f32) -> Vector {
        let lanes = [value, 0.0, 0.0, 0.0];
        // SAFETY: both types have 16 bytes, and all values of them are valid.
        Vector(unsafe { core::mem::transmute::<[f32; 4], Register>(lanes) })
    }

    /// The number in its first bytes.
    #[inline]
    pub const fn f32(self) -> f32 {
        // SAFETY: both types have 16 bytes, and all values of them are valid.
        let lanes = unsafe { core::mem::transmute::<Register, [f32; 4]>(self.0) };
        lanes[0]
    }
}
