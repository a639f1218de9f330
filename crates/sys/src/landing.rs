//! Leaving compiled code without returning.

use core::arch::naked_asm;
use core::mem::offset_of;

/// Where execution goes on: a code address with the stack and frame pointers that belong to it.
#[repr(C)]
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Landing {
    /// Code address.
    pub pc: usize,
    /// Stack pointer.
    pub sp: usize,
    /// Frame pointer.
    pub fp: usize,
}

/// A way out of compiled code.
#[repr(C)]
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Raise {
    /// Where to.
    pub landing: Landing,
    /// What is in the first two result registers there.
    pub payload: [u64; 2],
    /// Whether it is to be taken.
    pub pending: u32,
    /// What `pending` becomes when it is taken.
    pub after: u32,
}

// The code below knows these places.
const _: () = assert!(offset_of!(Raise, payload) == 24 && offset_of!(Raise, pending) == 40);

/// Continues at `raise.landing`, abandoning every frame below it.
///
/// # Safety
///
/// * The landing must describe a frame that is still on this thread's stack, at a code address that expects to be
///   continued with arbitrary values in all registers besides those of the payload.
/// * No frame between here and there may have anything to drop: only compiled code may lie between.
#[unsafe(naked)]
pub unsafe extern "C" fn resume(raise: *mut Raise) -> ! {
    #[cfg(target_arch = "x86_64")]
    naked_asm!(
        "mov ecx, [rdi + 44]",
        "mov [rdi + 40], ecx",
        "mov rax, [rdi + 24]",
        "mov rdx, [rdi + 32]",
        "mov rsp, [rdi + 8]",
        "mov rbp, [rdi + 16]",
        "jmp [rdi]",
    );
    #[cfg(target_arch = "aarch64")]
    naked_asm!(
        "ldr w3, [x0, #44]",
        "str w3, [x0, #40]",
        "ldp x3, x4, [x0]",
        "ldr x29, [x0, #16]",
        "ldp x0, x1, [x0, #24]",
        "mov sp, x4",
        "br x3",
    );
}
