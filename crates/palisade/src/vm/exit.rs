//! How wasm calls host functions whose values all travel in registers.
//!
//! These stubs do what compiled exit trampolines do (`palisade_compile::TrampolineKind`), for functions of any type: note
//! the frame that leaves wasm, call the host function, leave for the landing pad if it has raised. They are called by
//! Cranelift's `tail` convention; see `palisade_sys::enter` for its registers. Those that the platform's convention keeps,
//! which host functions keep too, must be left alone here: callers rely on it.
//! Functions with more values than registers have compiled trampolines.

use super::ValRaw;
use super::native::Class;
use core::arch::naked_asm;
use core::mem::{offset_of, size_of};
use palisade_environ::{ValType, offsets};
use palisade_sys::Vector;
use palisade_sys::enter::{INT_ARGUMENTS, INT_RESULTS, VECTOR_ARGUMENTS, VECTOR_RESULTS};

/// Arguments in registers of a call of a host function, then its results, each kind in order.
#[repr(C, align(16))]
pub(super) struct Registers {
    vectors: [Vector; VECTOR_ARGUMENTS],
    ints: [u64; 8],
}

// The code below knows these numbers.
const _: () = {
    assert!(offset_of!(Registers, ints) == 128 && size_of::<Registers>() == 192);
    assert!(INT_ARGUMENTS == 5 && INT_RESULTS <= 8);
    assert!(VECTOR_ARGUMENTS == 8 && VECTOR_RESULTS == 8);
};

impl Registers {
    /// Copies values of these types to slots.
    pub(super) fn read(&self, types: &[ValType], slots: &mut [ValRaw]) {
        let (mut ints, mut vectors) = (self.ints.iter(), self.vectors.iter());
        for (ty, slot) in types.iter().zip(slots) {
            *slot = match Class::of(ty) {
                Class::Int => ints.next().map(|value| ValRaw::from_u64(*value)),
                Class::Vector => vectors.next().map(|value| ValRaw::from_u128(value.bits())),
            }
            .expect("the values fit");
        }
    }

    /// Copies values of these types from slots.
    pub(super) fn write(&mut self, types: &[ValType], slots: &[ValRaw]) {
        let (mut ints, mut vectors) = (self.ints.iter_mut(), self.vectors.iter_mut());
        for (ty, slot) in types.iter().zip(slots) {
            match Class::of(ty) {
                Class::Int => *ints.next().expect("the values fit") = slot.u64(),
                Class::Vector => {
                    *vectors.next().expect("the values fit") = Vector::from_bits(slot.u128());
                }
            }
        }
    }
}

/// The body of a stub with a frame of so many bytes: notes the exit, places the arguments behind the first two, calls the
/// host function, and places its results unless something was raised. The frame also keeps the store's context: in its last
/// word on x86-64, whose stubs have the caller in `rsi` last, and behind the frame pointer and return address on aarch64.
#[cfg(target_arch = "x86_64")]
macro_rules! stub {
    (frame: $frame:literal, arguments: $($argument:literal,)* results: $($result:literal,)*) => {
        naked_asm!(
            "push rbp",
            "mov rbp, rsp",
            "sub rsp, {frame}",
            "mov r10, [rdi + {store}]",
            "mov rax, [rbp + 8]",
            "mov r11, [r10 + {activation}]",
            "mov [rbp - 8], r10",
            "mov [r11 + {exit_pc}], rax",
            "mov [r11 + {exit_fp}], rbp",
            $($argument,)*
            "mov rsi, [r10 + {caller}]",
            "call [rdi + {call}]",
            "mov r11, [rbp - 8]",
            "cmp dword ptr [r11 + {pending}], 0",
            "jne 2f",
            $($result,)*
            "leave",
            "ret",
            "2:",
            "lea rdi, [r11 + {raise}]",
            "call [r11 + {raise_stub}]",
            "ud2",
            frame = const $frame,
            store = const offsets::HOST_FUNC_STORE,
            call = const offsets::HOST_FUNC_CALL,
            activation = const offsets::STORE_ACTIVATION,
            caller = const offsets::STORE_CALLER,
            pending = const offsets::STORE_RAISE_PENDING,
            raise = const offsets::STORE_RAISE,
            raise_stub = const offsets::STORE_RAISE_STUB,
            exit_pc = const offsets::ACTIVATION_EXIT_PC,
            exit_fp = const offsets::ACTIVATION_EXIT_FP,
        )
    };
}

/// Likewise.
#[cfg(target_arch = "aarch64")]
macro_rules! stub {
    (frame: $frame:literal, arguments: $($argument:literal,)* results: $($result:literal,)*) => {
        naked_asm!(
            "stp x29, x30, [sp, #-{frame}]!",
            "mov x29, sp",
            "ldr x9, [x2, #{store}]",
            "ldr x10, [x9, #{activation}]",
            "str x9, [sp, #16]",
            "str x30, [x10, #{exit_pc}]",
            "str x29, [x10, #{exit_fp}]",
            "ldr x16, [x2, #{call}]",
            "mov x0, x2",
            "ldr x1, [x9, #{caller}]",
            $($argument,)*
            "blr x16",
            "ldr x9, [sp, #16]",
            "ldr w10, [x9, #{pending}]",
            "cbnz w10, 2f",
            $($result,)*
            "ldp x29, x30, [sp], #{frame}",
            "ret",
            "2:",
            "add x0, x9, #{raise}",
            "ldr x1, [x9, #{raise_stub}]",
            "blr x1",
            "udf #0",
            frame = const $frame,
            store = const offsets::HOST_FUNC_STORE,
            call = const offsets::HOST_FUNC_CALL,
            activation = const offsets::STORE_ACTIVATION,
            caller = const offsets::STORE_CALLER,
            pending = const offsets::STORE_RAISE_PENDING,
            raise = const offsets::STORE_RAISE,
            raise_stub = const offsets::STORE_RAISE_STUB,
            exit_pc = const offsets::ACTIVATION_EXIT_PC,
            exit_fp = const offsets::ACTIVATION_EXIT_FP,
        )
    };
}

/// Calls a host function by the native ABI: `fn(host_func, caller, params...) -> [result]`, with at most one result.
///
/// # Safety
///
/// To be called by compiled code only, with a [`VmHostFunc`](palisade_environ::VmHostFunc) as its first argument whose
/// `call` takes parameters that fit into registers.
#[unsafe(naked)]
pub(super) unsafe extern "C" fn exit_native() {
    #[cfg(target_arch = "x86_64")]
    stub!(
        frame: 16,
        arguments:
        // The fifth integer is the seventh of the host function's.
        "mov [rsp], r9",
        "mov r9, r8",
        "mov r8, rcx",
        "mov rcx, rdx",
        "mov rdx, rsi",
        results:
    );
    #[cfg(target_arch = "aarch64")]
    stub!(
        frame: 32,
        arguments:
        "mov x2, x3",
        "mov x3, x4",
        "mov x4, x5",
        "mov x5, x6",
        "mov x6, x7",
        results:
        "mov x2, x0",
    );
}

/// Calls a host function that takes all registers: `fn(host_func, caller, registers)`.
///
/// # Safety
///
/// To be called by compiled code only, with a [`VmHostFunc`](palisade_environ::VmHostFunc) as its first argument whose
/// `call` takes [`Registers`], and parameters and results that fit into them.
#[unsafe(naked)]
pub(super) unsafe extern "C" fn exit_registers() {
    #[cfg(target_arch = "x86_64")]
    stub!(
        frame: 208,
        arguments:
        "movaps [rsp], xmm0",
        "movaps [rsp + 16], xmm1",
        "movaps [rsp + 32], xmm2",
        "movaps [rsp + 48], xmm3",
        "movaps [rsp + 64], xmm4",
        "movaps [rsp + 80], xmm5",
        "movaps [rsp + 96], xmm6",
        "movaps [rsp + 112], xmm7",
        "mov [rsp + 128], rsi",
        "mov [rsp + 136], rdx",
        "mov [rsp + 144], rcx",
        "mov [rsp + 152], r8",
        "mov [rsp + 160], r9",
        "mov rdx, rsp",
        results:
        "movaps xmm0, [rsp]",
        "movaps xmm1, [rsp + 16]",
        "movaps xmm2, [rsp + 32]",
        "movaps xmm3, [rsp + 48]",
        "movaps xmm4, [rsp + 64]",
        "movaps xmm5, [rsp + 80]",
        "movaps xmm6, [rsp + 96]",
        "movaps xmm7, [rsp + 112]",
        "mov rax, [rsp + 128]",
        "mov rcx, [rsp + 136]",
        "mov rdx, [rsp + 144]",
        "mov rsi, [rsp + 152]",
        "mov rdi, [rsp + 160]",
        "mov r8, [rsp + 168]",
        "mov r9, [rsp + 176]",
        "mov r10, [rsp + 184]",
    );
    #[cfg(target_arch = "aarch64")]
    stub!(
        frame: 224,
        arguments:
        "stp q0, q1, [sp, #32]",
        "stp q2, q3, [sp, #64]",
        "stp q4, q5, [sp, #96]",
        "stp q6, q7, [sp, #128]",
        "stp x3, x4, [sp, #160]",
        "stp x5, x6, [sp, #176]",
        "str x7, [sp, #192]",
        "add x2, sp, #32",
        results:
        "ldp q0, q1, [sp, #32]",
        "ldp q2, q3, [sp, #64]",
        "ldp q4, q5, [sp, #96]",
        "ldp q6, q7, [sp, #128]",
        "ldp x2, x3, [sp, #160]",
        "ldp x4, x5, [sp, #176]",
        "ldp x6, x7, [sp, #192]",
    );
}
