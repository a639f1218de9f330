//! What a thread needs before it runs compiled code: the bounds of its stack, and a stack for its signal handler.

use crate::interrupt::Listed;
use std::cell::{Cell, OnceCell};
use std::io;
use std::mem::MaybeUninit;

/// The stack of a thread.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StackBounds {
    /// Lowest address that can be used.
    pub low: usize,
}

/// Room that the fault handler and a handler that it forwards to may use.
const SIGNAL_STACK_SIZE: usize = 64 << 10;

thread_local! {
    /// The lowest address of the stack that can be used; 0 while the thread is not prepared.
    static LOW: Cell<usize> = const { Cell::new(0) };
    static SIGNAL_STACK: OnceCell<SignalStack> = const { OnceCell::new() };
    static LISTED: OnceCell<Listed> = const { OnceCell::new() };
}

/// The lowest address of the current thread's stack that can be used; 0 if the thread is not prepared.
#[inline]
pub fn thread_stack_low() -> usize {
    LOW.get()
}

/// Prepares the current thread once; cheap afterwards.
///
/// # Errors
///
/// When the system does not tell the stack's bounds or refuses a signal stack.
pub fn prepare_thread() -> io::Result<StackBounds> {
    match thread_stack_low() {
        0 => prepare(),
        low => Ok(StackBounds { low }),
    }
}

/// The address of a frame near the caller's: how far the stack has grown, within a few hundred bytes.
#[inline]
pub fn frame_address() -> usize {
    let here: usize;
    // SAFETY: copies the stack pointer, nothing else.
    unsafe {
        #[cfg(target_arch = "x86_64")]
        std::arch::asm!("mov {}, rsp", out(reg) here, options(nomem, nostack, preserves_flags));
        #[cfg(target_arch = "aarch64")]
        std::arch::asm!("mov {}, sp", out(reg) here, options(nomem, nostack, preserves_flags));
    }
    here
}

/// Visits every word of the current thread's stack from the caller's frame up to `base`, and what the registers hold that
/// callees save. `base` must be an address of the current thread's stack.
#[inline(never)]
pub fn for_each_stack_word(base: usize, visit: &mut dyn FnMut(u64)) {
    let saved = saved_registers();
    std::hint::black_box(&saved).iter().for_each(|word| visit(*word));
    let mut at = frame_address().next_multiple_of(8);
    while at < base {
        // SAFETY: between a frame of this thread and `base`, the stack is mapped. Other code does not write it now, and
        // any bits are a `u64`; the read is volatile, so that nothing is concluded from what is there.
        visit(unsafe { (at as *const u64).read_volatile() });
        at += 8;
    }
}

#[cfg(target_arch = "x86_64")]
fn saved_registers() -> [u64; 6] {
    let mut saved = [0; 6];
    // SAFETY: stores registers into the array, nothing else.
    unsafe {
        std::arch::asm!(
            "mov [{0}], rbx",
            "mov [{0} + 8], rbp",
            "mov [{0} + 16], r12",
            "mov [{0} + 24], r13",
            "mov [{0} + 32], r14",
            "mov [{0} + 40], r15",
            in(reg) saved.as_mut_ptr(),
            options(nostack, preserves_flags),
        );
    }
    saved
}

#[cfg(target_arch = "aarch64")]
fn saved_registers() -> [u64; 10] {
    let mut saved = [0; 10];
    // SAFETY: stores registers into the array, nothing else.
    unsafe {
        std::arch::asm!(
            "stp x19, x20, [{0}]",
            "stp x21, x22, [{0}, #16]",
            "stp x23, x24, [{0}, #32]",
            "stp x25, x26, [{0}, #48]",
            "stp x27, x28, [{0}, #64]",
            in(reg) saved.as_mut_ptr(),
            options(nostack, preserves_flags),
        );
    }
    saved
}

#[cold]
fn prepare() -> io::Result<StackBounds> {
    let bounds = StackBounds { low: stack_low()? };
    SIGNAL_STACK.with(|stack| match stack.get() {
        Some(_) => Ok(()),
        None => SignalStack::install().map(|installed| {
            let _ = stack.set(installed);
        }),
    })?;
    LISTED.with(|listed| {
        listed.get_or_init(Listed::new);
    });
    LOW.set(bounds.low);
    Ok(bounds)
}

fn stack_low() -> io::Result<usize> {
    let mut attributes = MaybeUninit::<libc::pthread_attr_t>::uninit();
    // SAFETY: `attributes` is valid for writes; the thread asks for itself.
    let rc = unsafe { libc::pthread_getattr_np(libc::pthread_self(), attributes.as_mut_ptr()) };
    if rc != 0 {
        return Err(io::Error::from_raw_os_error(rc));
    }
    // SAFETY: the call above has succeeded, so the attributes are initialised.
    let mut attributes = unsafe { attributes.assume_init() };
    let (mut low, mut size, mut guard) = (std::ptr::null_mut(), 0, 0);
    // SAFETY: the attributes are initialised and the results valid for writes.
    let rc = unsafe { libc::pthread_attr_getstack(&attributes, &mut low, &mut size) };
    // SAFETY: likewise.
    unsafe { libc::pthread_attr_getguardsize(&attributes, &mut guard) };
    // SAFETY: initialised above and not used afterwards.
    unsafe { libc::pthread_attr_destroy(&mut attributes) };
    if rc != 0 {
        return Err(io::Error::from_raw_os_error(rc));
    }
    // The C library may count the guard into the stack or not; never rely on it.
    Ok(low as usize + guard.max(crate::page_size()))
}

/// The alternate stack of this thread, if we had to make one.
struct SignalStack(Option<(*mut libc::c_void, usize)>);

impl SignalStack {
    /// Keeps an alternate stack that is large enough, otherwise installs one with a guard page below it.
    fn install() -> io::Result<SignalStack> {
        // SAFETY: all-zero is a valid `stack_t`.
        let mut old: libc::stack_t = unsafe { std::mem::zeroed() };
        // SAFETY: a null new stack only queries; `old` is valid for writes.
        if unsafe { libc::sigaltstack(std::ptr::null(), &mut old) } != 0 {
            return Err(io::Error::last_os_error());
        }
        if old.ss_flags & libc::SS_DISABLE == 0 && old.ss_size >= SIGNAL_STACK_SIZE {
            return Ok(SignalStack(None));
        }
        let guard = crate::page_size();
        let total = SIGNAL_STACK_SIZE.next_multiple_of(guard) + guard;
        // SAFETY: a new anonymous mapping at an address of the kernel's choice touches no existing memory.
        let start = unsafe {
            libc::mmap(
                std::ptr::null_mut(),
                total,
                libc::PROT_NONE,
                libc::MAP_PRIVATE | libc::MAP_ANONYMOUS,
                -1,
                0,
            )
        };
        if start == libc::MAP_FAILED {
            return Err(io::Error::last_os_error());
        }
        let stack = SignalStack(Some((start, total)));
        let base = start.cast::<u8>().wrapping_add(guard);
        // SAFETY: the range is the mapping just made, without its first page.
        unsafe { region::protect(base, total - guard, region::Protection::READ_WRITE) }
            .map_err(io::Error::other)?;
        let new = libc::stack_t { ss_sp: base.cast(), ss_flags: 0, ss_size: total - guard };
        // SAFETY: the new stack is mapped, writable, and lives until this thread's locals are dropped.
        if unsafe { libc::sigaltstack(&new, std::ptr::null_mut()) } != 0 {
            return Err(io::Error::last_os_error());
        }
        Ok(stack)
    }
}

impl Drop for SignalStack {
    fn drop(&mut self) {
        let Some((start, total)) = self.0 else { return };
        let disable =
            libc::stack_t { ss_sp: std::ptr::null_mut(), ss_flags: libc::SS_DISABLE, ss_size: 0 };
        // SAFETY: the thread is ending; disabling its alternate stack has no requirement but a valid argument.
        unsafe { libc::sigaltstack(&disable, std::ptr::null_mut()) };
        // SAFETY: the mapping is ours and no longer in use.
        unsafe { libc::munmap(start, total) };
    }
}
