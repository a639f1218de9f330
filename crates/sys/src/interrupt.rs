//! Stopping threads that run compiled code.
//!
//! SIGURG, which does nothing by default, is sent to every thread that was prepared for compiled code. A handler asks a
//! callback whether what it has interrupted is to be left, and for which landing; if not, it continues, and so does the
//! handler that was there before. The handler runs on the alternate stack, and neither locks nor allocates.

use crate::signals::{call, registers};
use crate::{Fault, FaultCallback};
use std::mem::MaybeUninit;
use std::sync::{Mutex, Once, OnceLock, PoisonError};

const SIGNAL: libc::c_int = libc::SIGURG;

struct Installed {
    callback: FaultCallback,
    previous: libc::sigaction,
}

static INSTALLED: OnceLock<Installed> = OnceLock::new();

/// The threads that are prepared.
static THREADS: Mutex<Vec<libc::pid_t>> = Mutex::new(Vec::new());

/// Installs the handler for the process. Only the first call has an effect. `callback` is given the instruction that would
/// be executed next; it is called in a signal handler, so it must not lock, allocate or panic.
///
/// # Panics
///
/// If the system refuses to install signal handlers.
pub fn install_interrupt_handler(callback: FaultCallback) {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let mut previous = MaybeUninit::uninit();
        // SAFETY: a null new action only queries; `previous` is valid for writes.
        let rc = unsafe { libc::sigaction(SIGNAL, std::ptr::null(), previous.as_mut_ptr()) };
        assert_eq!(rc, 0, "signal {SIGNAL} has an action");
        // SAFETY: the call above has succeeded, so the action is initialised.
        let previous = unsafe { previous.assume_init() };
        // The record is complete before the handler can run.
        let _ = INSTALLED.set(Installed { callback, previous });
        // SAFETY: all-zero is a valid `sigaction`, with an empty mask.
        let mut action: libc::sigaction = unsafe { std::mem::zeroed() };
        action.sa_sigaction = handle as *const () as usize;
        // RESTART: the system calls of host functions go on.
        action.sa_flags = libc::SA_SIGINFO | libc::SA_ONSTACK | libc::SA_RESTART;
        // SAFETY: `handle` has the signature that SA_SIGINFO demands and obeys the rules of signal handlers.
        let rc = unsafe { libc::sigaction(SIGNAL, &action, std::ptr::null_mut()) };
        assert_eq!(rc, 0, "signal {SIGNAL} can be handled");
    });
}

/// Lets the handler run on every prepared thread of the process.
pub fn interrupt_threads() {
    let threads = THREADS.lock().unwrap_or_else(PoisonError::into_inner);
    for thread in threads.iter() {
        // SAFETY: sending a signal has no requirements; a thread leaves the list before it ends.
        unsafe { libc::syscall(libc::SYS_tgkill, libc::getpid(), *thread, SIGNAL) };
    }
}

/// The current thread's place in the list, until it is dropped.
pub(crate) struct Listed(libc::pid_t);

impl Listed {
    /// Lists the thread, and lets the signal reach it.
    pub(crate) fn new() -> Listed {
        let mut signals = MaybeUninit::uninit();
        // SAFETY: the set is initialised by the first call, and valid for the others.
        unsafe {
            libc::sigemptyset(signals.as_mut_ptr());
            libc::sigaddset(signals.as_mut_ptr(), SIGNAL);
            libc::pthread_sigmask(libc::SIG_UNBLOCK, signals.as_ptr(), std::ptr::null_mut());
        }
        // SAFETY: asks for the thread's number; no requirements.
        let thread = unsafe { libc::gettid() };
        THREADS.lock().unwrap_or_else(PoisonError::into_inner).push(thread);
        Listed(thread)
    }
}

impl Drop for Listed {
    fn drop(&mut self) {
        let mut threads = THREADS.lock().unwrap_or_else(PoisonError::into_inner);
        threads.retain(|thread| *thread != self.0);
    }
}

extern "C" fn handle(signal: libc::c_int, info: *mut libc::siginfo_t, context: *mut libc::c_void) {
    let Some(installed) = INSTALLED.get() else { return };
    // SAFETY: the kernel passes a valid `ucontext_t` that nobody else refers to.
    let context_ref = unsafe { &mut *context.cast::<libc::ucontext_t>() };
    let place: Fault = registers::fault(context_ref, None);
    if let Some(landing) = (installed.callback)(&place) {
        return registers::land(context_ref, &landing);
    }
    match installed.previous.sa_sigaction {
        libc::SIG_DFL | libc::SIG_IGN => {}
        _ => call(&installed.previous, signal, info, context),
    }
}
