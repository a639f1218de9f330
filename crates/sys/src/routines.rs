//! Routines of the C library that compiled code calls.

/// The address of C's `memmove`.
pub fn memmove() -> *const u8 {
    libc::memmove as *const u8
}

/// The address of C's `memset`.
pub fn memset() -> *const u8 {
    libc::memset as *const u8
}
