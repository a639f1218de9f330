//! Calling compiled code from Rust, without code in between.
//!
//! Compiled functions pass and return values in registers of two classes, integers and vectors, each in order. When wasm
//! is left without returning, no register but the stack and frame pointers has what it had. So a call is one block of
//! assembly that says that everything else is lost: the Rust function around it saves what it needs, once, and not in each
//! call of a loop. These are the registers of Cranelift's `tail` convention.

use crate::vector::Register;
use crate::{Landing, Vector};
use core::arch::asm;
use core::mem::{MaybeUninit, offset_of};

/// Arguments of either class that travel in registers, behind the first, which every function takes.
pub const INT_ARGUMENTS: usize = 5;
/// Likewise for vectors and floating point numbers.
pub const VECTOR_ARGUMENTS: usize = 8;
/// Results that travel in integer registers.
#[cfg(target_arch = "x86_64")]
pub const INT_RESULTS: usize = 8;
/// Results that travel in integer registers.
#[cfg(target_arch = "aarch64")]
pub const INT_RESULTS: usize = 6;
/// Results that travel in vector registers.
pub const VECTOR_RESULTS: usize = 8;

/// Arguments in the order of parameters.
#[derive(Clone, Copy)]
pub struct Arguments {
    ints: [MaybeUninit<u64>; INT_ARGUMENTS],
    vectors: [MaybeUninit<Register>; VECTOR_ARGUMENTS],
    int_count: usize,
    vector_count: usize,
}

impl Arguments {
    /// None.
    #[inline(always)]
    pub const fn new() -> Arguments {
        Arguments {
            ints: [MaybeUninit::uninit(); INT_ARGUMENTS],
            vectors: [MaybeUninit::uninit(); VECTOR_ARGUMENTS],
            int_count: 0,
            vector_count: 0,
        }
    }

    /// One more in an integer register.
    ///
    /// # Panics
    ///
    /// If there are [`INT_ARGUMENTS`] already.
    #[inline(always)]
    pub fn push_int(&mut self, value: u64) {
        self.ints[self.int_count] = MaybeUninit::new(value);
        self.int_count += 1;
    }

    /// One more in a vector register; floating point numbers are in its first bytes.
    ///
    /// # Panics
    ///
    /// If there are [`VECTOR_ARGUMENTS`] already.
    #[inline(always)]
    pub fn push_vector(&mut self, value: Vector) {
        self.vectors[self.vector_count] = MaybeUninit::new(value.0);
        self.vector_count += 1;
    }
}

impl Default for Arguments {
    fn default() -> Self {
        Arguments::new()
    }
}

/// What was in the registers for results when a call ended. Those that the function has no result for hold anything.
#[derive(Clone, Copy)]
pub struct Returned {
    ints: [u64; INT_RESULTS],
    vectors: [Register; VECTOR_RESULTS],
    int_count: usize,
    vector_count: usize,
}

impl Returned {
    #[inline(always)]
    fn new(ints: [u64; INT_RESULTS], vectors: [Register; VECTOR_RESULTS]) -> Returned {
        Returned { ints, vectors, int_count: 0, vector_count: 0 }
    }

    /// The next result in an integer register. Upper bits of a smaller type hold anything.
    ///
    /// # Panics
    ///
    /// If that was the last register.
    #[inline(always)]
    pub fn next_int(&mut self) -> u64 {
        self.int_count += 1;
        self.ints[self.int_count - 1]
    }

    /// The next result in a vector register.
    ///
    /// # Panics
    ///
    /// If that was the last register.
    #[inline(always)]
    pub fn next_vector(&mut self) -> Vector {
        self.vector_count += 1;
        Vector(self.vectors[self.vector_count - 1])
    }
}

// The code below knows these places.
const _: () = assert!(
    offset_of!(Landing, pc) == 0 && offset_of!(Landing, sp) == 8 && offset_of!(Landing, fp) == 16
);

/// Calls the compiled function at `code` with `context` as its first argument. First writes to `landing` where this call
/// goes on when it is left without returning; then it returns too, with anything in the registers.
///
/// The frame of the outermost compiled function begins with the frame pointer of `landing`.
///
/// # Safety
///
/// * `code` must be a function by Cranelift's `tail` convention with `context` and `arguments` as its parameters, and
///   results that all travel in registers.
/// * `landing` must be valid for writes.
/// * Only frames of compiled code may be abandoned by continuing at `landing`, and only while this call lasts.
#[inline(always)]
pub unsafe fn enter(
    code: *const u8,
    context: *mut u8,
    landing: *mut Landing,
    arguments: Arguments,
) -> Returned {
    let Arguments { ints: i, vectors: v, .. } = arguments;
    let (r0, r1, r2, r3, r4, r5): (u64, u64, u64, u64, u64, u64);
    let [v0, v1, v2, v3, v4, v5, v6, v7]: [Register; 8];
    #[cfg(target_arch = "x86_64")]
    {
        let [r6, r7]: [u64; 2];
        // SAFETY: by this function's contract the call ends behind itself or at the landing, which is the same place
        // with the same stack pointer. The stack is aligned where a block that may use it begins, and so it is two words
        // further. Of the registers that compiled code may change all are named but two, which are saved.
        unsafe {
            asm!(
                "push rbx",
                "push rbp",
                "mov rbp, rsp",
                "lea rbx, [rip + 2f]",
                "mov [r10], rbx",
                "mov [r10 + 8], rbp",
                "mov [r10 + 16], rbp",
                "call rax",
                "2:",
                "pop rbp",
                "pop rbx",
                inout("rax") code => r0,
                inout("rdi") context => r4,
                inout("rsi") i[0] => r3,
                inout("rdx") i[1] => r2,
                inout("rcx") i[2] => r1,
                inout("r8") i[3] => r5,
                inout("r9") i[4] => r6,
                inout("r10") landing => r7,
                inout("xmm0") v[0] => v0,
                inout("xmm1") v[1] => v1,
                inout("xmm2") v[2] => v2,
                inout("xmm3") v[3] => v3,
                inout("xmm4") v[4] => v4,
                inout("xmm5") v[5] => v5,
                inout("xmm6") v[6] => v6,
                inout("xmm7") v[7] => v7,
                out("r12") _, out("r13") _, out("r14") _, out("r15") _,
                clobber_abi("sysv64"),
            );
        }
        Returned::new([r0, r1, r2, r3, r4, r5, r6, r7], [v0, v1, v2, v3, v4, v5, v6, v7])
    }
    #[cfg(target_arch = "aarch64")]
    {
        // SAFETY: as above, with two words of the stack, which stays aligned.
        unsafe {
            asm!(
                "stp x29, x19, [sp, #-16]!",
                "mov x29, sp",
                "adr x9, 2f",
                "stp x9, x29, [x0]",
                "str x29, [x0, #16]",
                "blr x1",
                "2:",
                "ldp x29, x19, [sp], #16",
                inout("x0") landing => _,
                inout("x1") code => _,
                inout("x2") context => r0,
                inout("x3") i[0] => r1,
                inout("x4") i[1] => r2,
                inout("x5") i[2] => r3,
                inout("x6") i[3] => r4,
                inout("x7") i[4] => r5,
                inout("v0") v[0] => v0,
                inout("v1") v[1] => v1,
                inout("v2") v[2] => v2,
                inout("v3") v[3] => v3,
                inout("v4") v[4] => v4,
                inout("v5") v[5] => v5,
                inout("v6") v[6] => v6,
                inout("v7") v[7] => v7,
                out("x20") _, out("x21") _, out("x22") _, out("x23") _, out("x24") _,
                out("x25") _, out("x26") _, out("x27") _, out("x28") _,
                clobber_abi("C"),
            );
        }
        Returned::new([r0, r1, r2, r3, r4, r5], [v0, v1, v2, v3, v4, v5, v6, v7])
    }
}
