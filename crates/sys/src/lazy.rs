//! Functions that are compiled when they are first called.
//!
//! Each has a *stub*, a few instructions that go on where the function's *slot* says. A slot is a word of data in front of
//! the code; at first it leads back into the stub, to instructions that load the function's number and go on to
//! `entry`, which asks the runtime for the function's address and continues there, with all arguments in their places.
//! Once the slot holds that address, a call through the stub costs one jump.
//!
//! In front of the slots of the functions, which are the last words of data, there are three more: the address of `entry`,
//! that of the [`Resolver`], and what this is given as its context.

use crate::{Raise, resume};
use core::arch::naked_asm;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Bytes of a function's stub.
const STUB_BYTES: usize = if cfg!(target_arch = "x86_64") { 16 } else { 32 };

/// Bytes of what all stubs have in common, in front of them.
const COMMON_BYTES: usize = 32;

/// Words of data in front of the slots.
const COMMON_WORDS: usize = 3;

/// Words of data that `functions` stubs need.
pub const fn stub_words(functions: usize) -> usize {
    COMMON_WORDS + functions
}

/// Bytes of code that `functions` stubs take.
pub const fn stub_bytes(functions: usize) -> usize {
    COMMON_BYTES + functions * STUB_BYTES
}

/// Where the stub of a function is, from the start of the code.
pub const fn stub_offset(function: usize) -> usize {
    COMMON_BYTES + function * STUB_BYTES
}

/// The slot of a function, among the words of data.
pub fn slot(words: &[AtomicUsize], function: usize) -> &AtomicUsize {
    &words[COMMON_WORDS + function]
}

/// Fills the words of data for code at `code`: no function is resolved.
pub fn fill_words(words: &[AtomicUsize], code: usize, resolver: Resolver, context: *const u8) {
    let (common, slots) = words.split_at(COMMON_WORDS);
    let values = [entry as *const () as usize, resolver as *const () as usize, context as usize];
    for (word, value) in common.iter().zip(values) {
        word.store(value, Ordering::Relaxed);
    }
    for (function, slot) in slots.iter().enumerate() {
        slot.store(code + unresolved_offset(function), Ordering::Relaxed);
    }
}

/// Where the slot of a function leads at first, from the start of the code.
const fn unresolved_offset(function: usize) -> usize {
    stub_offset(function) + if cfg!(target_arch = "x86_64") { 6 } else { 12 }
}

/// What the runtime answers: where to go on, or if that is null, how to leave.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct Resolved {
    /// Entry point of the function.
    pub code: *const u8,
    /// With a null `code`, the way out.
    pub raise: *mut Raise,
}

/// Asks for the function with this number. Besides the context it is given the address of a frame as compiled code makes
/// them, whose caller is the caller of the stub.
pub type Resolver =
    unsafe extern "C" fn(context: *const u8, function: u32, frame: usize) -> Resolved;

/// The code of `functions` stubs, which begins on a page directly behind its [`stub_words`].
///
/// # Panics
///
/// If there are more functions than a 32-bit displacement reaches; a module has at most a million.
pub fn stubs(functions: usize) -> Vec<u8> {
    let mut code = Vec::with_capacity(stub_bytes(functions));
    common_stub(&mut code, [0, 1, 2].map(|index| word(functions, index)));
    for function in 0..functions {
        debug_assert_eq!(code.len(), stub_offset(function));
        stub(&mut code, word(functions, COMMON_WORDS + function), function as u32);
    }
    code
}

/// Distance from the start of the code to a word of data.
fn word(functions: usize, index: usize) -> i32 {
    let words_behind = stub_words(functions) - index;
    -i32::try_from(words_behind * size_of::<usize>())
        .expect("a module's functions are within reach")
}

/// Distance from the end of an instruction of `bytes` bytes at the end of `code` to `target`.
#[cfg(target_arch = "x86_64")]
fn relative(code: &[u8], bytes: usize, target: i32) -> [u8; 4] {
    let here = i32::try_from(code.len() + bytes).expect("a module's functions are within reach");
    (target - here).to_le_bytes()
}

#[cfg(target_arch = "x86_64")]
fn common_stub(code: &mut Vec<u8>, [entry, resolver, context]: [i32; 3]) {
    // mov r11, [rip + resolver]
    let target = relative(code, 7, resolver);
    code.extend([0x4c, 0x8b, 0x1d]);
    code.extend(target);
    // mov r10, [rip + context]
    let target = relative(code, 7, context);
    code.extend([0x4c, 0x8b, 0x15]);
    code.extend(target);
    // jmp [rip + entry]
    let target = relative(code, 6, entry);
    code.extend([0xff, 0x25]);
    code.extend(target);
    // int3
    code.resize(COMMON_BYTES, 0xcc);
}

#[cfg(target_arch = "x86_64")]
fn stub(code: &mut Vec<u8>, slot: i32, function: u32) {
    // jmp [rip + slot]
    let target = relative(code, 6, slot);
    code.extend([0xff, 0x25]);
    code.extend(target);
    // mov eax, function
    code.push(0xb8);
    code.extend(function.to_le_bytes());
    // jmp common
    let target = relative(code, 5, 0);
    code.push(0xe9);
    code.extend(target);
}

#[cfg(target_arch = "aarch64")]
fn push(code: &mut Vec<u8>, instruction: u32) {
    code.extend(instruction.to_le_bytes());
}

/// `adrp register, page of target; ldr register, [register, offset in page]`. The code begins on a page of 4 KiB at least.
#[cfg(target_arch = "aarch64")]
fn load_word(code: &mut Vec<u8>, register: u32, target: i32) {
    let pages = (target >> 12) - (code.len() as i32 >> 12);
    let (low, high) = (pages as u32 & 3, (pages >> 2) as u32 & 0x7_ffff);
    push(code, 0x9000_0000 | low << 29 | high << 5 | register);
    let offset = (target & 0xfff) as u32 / 8;
    push(code, 0xf940_0000 | offset << 10 | register << 5 | register);
}

#[cfg(target_arch = "aarch64")]
fn common_stub(code: &mut Vec<u8>, [entry, resolver, context]: [i32; 3]) {
    load_word(code, 9, resolver);
    load_word(code, 10, context);
    load_word(code, 16, entry);
    // br x16
    push(code, 0xd61f_0200);
    // brk #0
    while code.len() < COMMON_BYTES {
        push(code, 0xd420_0000);
    }
}

#[cfg(target_arch = "aarch64")]
fn stub(code: &mut Vec<u8>, slot: i32, function: u32) {
    let end = code.len() + STUB_BYTES;
    load_word(code, 16, slot);
    // br x16
    push(code, 0xd61f_0200);
    // movz w17, low; movk w17, high, lsl 16
    push(code, 0x5280_0011 | (function & 0xffff) << 5);
    push(code, 0x72a0_0011 | function >> 16 << 5);
    // b common
    let words = -(code.len() as i32) / 4;
    push(code, 0x1400_0000 | words as u32 & 0x03ff_ffff);
    while code.len() < end {
        push(code, 0xd420_0000);
    }
}

/// Saves all registers that may hold arguments, asks the resolver, and continues with the function or leaves.
///
/// Not to be called from Rust: it takes the number of the function, the resolver and the context in registers of its own.
#[unsafe(naked)]
unsafe extern "C" fn entry() {
    #[cfg(target_arch = "x86_64")]
    naked_asm!(
        "push rbp",
        "mov rbp, rsp",
        "sub rsp, 176",
        "movaps [rsp], xmm0",
        "movaps [rsp + 16], xmm1",
        "movaps [rsp + 32], xmm2",
        "movaps [rsp + 48], xmm3",
        "movaps [rsp + 64], xmm4",
        "movaps [rsp + 80], xmm5",
        "movaps [rsp + 96], xmm6",
        "movaps [rsp + 112], xmm7",
        "mov [rsp + 128], rdi",
        "mov [rsp + 136], rsi",
        "mov [rsp + 144], rdx",
        "mov [rsp + 152], rcx",
        "mov [rsp + 160], r8",
        "mov [rsp + 168], r9",
        "mov rdi, r10",
        "mov esi, eax",
        "mov rdx, rbp",
        "call r11",
        "test rax, rax",
        "jz 2f",
        "movaps xmm0, [rsp]",
        "movaps xmm1, [rsp + 16]",
        "movaps xmm2, [rsp + 32]",
        "movaps xmm3, [rsp + 48]",
        "movaps xmm4, [rsp + 64]",
        "movaps xmm5, [rsp + 80]",
        "movaps xmm6, [rsp + 96]",
        "movaps xmm7, [rsp + 112]",
        "mov rdi, [rsp + 128]",
        "mov rsi, [rsp + 136]",
        "mov rdx, [rsp + 144]",
        "mov rcx, [rsp + 152]",
        "mov r8, [rsp + 160]",
        "mov r9, [rsp + 168]",
        "leave",
        "jmp rax",
        "2:",
        "mov rdi, rdx",
        "jmp {resume}",
        resume = sym resume,
    );
    #[cfg(target_arch = "aarch64")]
    naked_asm!(
        "stp x29, x30, [sp, #-16]!",
        "mov x29, sp",
        "sub sp, sp, #208",
        "stp q0, q1, [sp]",
        "stp q2, q3, [sp, #32]",
        "stp q4, q5, [sp, #64]",
        "stp q6, q7, [sp, #96]",
        "stp x0, x1, [sp, #128]",
        "stp x2, x3, [sp, #144]",
        "stp x4, x5, [sp, #160]",
        "stp x6, x7, [sp, #176]",
        "str x8, [sp, #192]",
        "mov x0, x10",
        "mov w1, w17",
        "mov x2, x29",
        "blr x9",
        "cbz x0, 2f",
        "mov x16, x0",
        "ldp q0, q1, [sp]",
        "ldp q2, q3, [sp, #32]",
        "ldp q4, q5, [sp, #64]",
        "ldp q6, q7, [sp, #96]",
        "ldp x0, x1, [sp, #128]",
        "ldp x2, x3, [sp, #144]",
        "ldp x4, x5, [sp, #160]",
        "ldp x6, x7, [sp, #176]",
        "ldr x8, [sp, #192]",
        "mov sp, x29",
        "ldp x29, x30, [sp], #16",
        "br x16",
        "2:",
        "mov x0, x1",
        "b {resume}",
        resume = sym resume,
    );
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::CodeMemory;

    static ASKED: AtomicUsize = AtomicUsize::new(0);

    extern "C" fn target(first: u64, second: u64, third: f64) -> f64 {
        (first + second) as f64 + third
    }

    unsafe extern "C" fn resolver(context: *const u8, function: u32, frame: usize) -> Resolved {
        assert!(frame.is_multiple_of(16) && std::ptr::eq(context, (&raw const ASKED).cast()));
        ASKED.fetch_add(1 + function as usize, Ordering::Relaxed);
        Resolved { code: target as *const u8, raise: std::ptr::null_mut() }
    }

    #[test]
    fn arguments_reach_the_function_through_the_stub() {
        const FUNCTIONS: usize = 1000;
        let memory = CodeMemory::new(stub_words(FUNCTIONS), stub_bytes(FUNCTIONS)).unwrap();
        let code = stubs(FUNCTIONS);
        assert_eq!(code.len(), stub_bytes(FUNCTIONS));
        let room = memory.extend(code.len(), 64).unwrap();
        // SAFETY: there is room for these bytes.
        unsafe { room.copy_from_nonoverlapping(code.as_ptr(), code.len()) };
        memory.publish().unwrap();
        let base = memory.executable() as usize;
        let words = memory.words();
        fill_words(words, base, resolver, (&raw const ASKED).cast());
        for function in [0, 1, 999] {
            let stub = (base + stub_offset(function)) as *const u8;
            // SAFETY: the stub continues with `target`, or asks the resolver, which leads there.
            let call = unsafe {
                std::mem::transmute::<*const u8, extern "C" fn(u64, u64, f64) -> f64>(stub)
            };
            let asked = ASKED.load(Ordering::Relaxed);
            assert_eq!(call(40, 1, 1.5), 42.5);
            assert_eq!(ASKED.load(Ordering::Relaxed), asked + 1 + function);
            slot(words, function).store(target as *const () as usize, Ordering::Relaxed);
            assert_eq!(call(1, 2, 0.25), 3.25);
            assert_eq!(ASKED.load(Ordering::Relaxed), asked + 1 + function);
        }
    }
}
