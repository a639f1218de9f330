//! Leaving compiled code without returning.

use core::arch::naked_asm;

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

/// Continues at `landing`, abandoning every frame below it.
///
/// # Safety
///
/// * `landing` must describe a frame that is still on this thread's stack, at a code address that expects to be
///   continued with arbitrary values in all other registers.
/// * No frame between here and there may have anything to drop: only compiled code may lie between.
#[unsafe(naked)]
pub unsafe extern "C" fn resume(landing: *const Landing) -> ! {
    #[cfg(target_arch = "x86_64")]
    naked_asm!("mov rsp, [rdi + 8]", "mov rbp, [rdi + 16]", "jmp [rdi]");
    #[cfg(target_arch = "aarch64")]
    naked_asm!("ldp x1, x2, [x0]", "ldr x29, [x0, #16]", "mov sp, x2", "br x1");
}
