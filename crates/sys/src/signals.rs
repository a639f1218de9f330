//! Faults as events.
//!
//! One handler for SIGSEGV, SIGBUS, SIGILL and SIGFPE asks a callback whether the fault is known. If it is, execution
//! continues at the landing that the callback names; if not, the fault goes to whoever had the signal before, as if
//! this handler did not exist.
//!
//! The handler runs on the alternate stack, reads only what is immutable or belongs to its thread, and neither locks
//! nor allocates.

use crate::Landing;
use std::mem::MaybeUninit;
use std::sync::{Once, OnceLock};

/// A fault as the CPU reported it.
#[derive(Debug, Clone, Copy)]
pub struct Fault {
    /// Address of the instruction that faulted.
    pub pc: usize,
    /// Frame pointer at that instruction.
    pub fp: usize,
    /// The memory address that could not be accessed, for SIGSEGV and SIGBUS.
    pub address: Option<usize>,
}

/// Decides whether a fault is known. Called in a signal handler: it must not lock, allocate or panic.
pub type FaultCallback = fn(&Fault) -> Option<Landing>;

const SIGNALS: [libc::c_int; 4] = [libc::SIGSEGV, libc::SIGBUS, libc::SIGILL, libc::SIGFPE];

struct Installed {
    callback: FaultCallback,
    previous: [libc::sigaction; SIGNALS.len()],
}

static INSTALLED: OnceLock<Installed> = OnceLock::new();

/// Installs the handler for the process. Only the first call has an effect.
///
/// # Panics
///
/// If the system refuses to install signal handlers.
pub fn install_fault_handler(callback: FaultCallback) {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let previous = SIGNALS.map(|signal| {
            let mut old = MaybeUninit::uninit();
            // SAFETY: a null new action only queries; `old` is valid for writes.
            let rc = unsafe { libc::sigaction(signal, std::ptr::null(), old.as_mut_ptr()) };
            assert_eq!(rc, 0, "signal {signal} has an action");
            // SAFETY: the call above has succeeded, so the action is initialised.
            unsafe { old.assume_init() }
        });
        // The record is complete before the first handler can run.
        let _ = INSTALLED.set(Installed { callback, previous });
        for signal in SIGNALS {
            // SAFETY: all-zero is a valid `sigaction`, with an empty mask.
            let mut action: libc::sigaction = unsafe { std::mem::zeroed() };
            action.sa_sigaction = handle as *const () as usize;
            // NODEFER: a previous handler may itself leave by a jump and expect the next fault to arrive.
            action.sa_flags = libc::SA_SIGINFO | libc::SA_ONSTACK | libc::SA_NODEFER;
            // SAFETY: `handle` has the signature that SA_SIGINFO demands and obeys the rules of signal handlers.
            let rc = unsafe { libc::sigaction(signal, &action, std::ptr::null_mut()) };
            assert_eq!(rc, 0, "signal {signal} can be handled");
        }
    });
}

extern "C" fn handle(signal: libc::c_int, info: *mut libc::siginfo_t, context: *mut libc::c_void) {
    let Some(installed) = INSTALLED.get() else { return };
    let context = context.cast::<libc::ucontext_t>();
    let accessed = matches!(signal, libc::SIGSEGV | libc::SIGBUS);
    // SAFETY: the kernel passes a valid `siginfo_t`; it has an address for these two signals.
    let address = accessed.then(|| unsafe { (*info).si_addr() } as usize);
    // SAFETY: the kernel passes a valid `ucontext_t` that nobody else refers to.
    let context_ref = unsafe { &mut *context };
    let fault = registers::fault(context_ref, address);
    // SAFETY: as above. The kernel's own codes are positive; a signal that a process has sent is no fault.
    let sent = unsafe { (*info).si_code } <= 0;
    let landing = if sent { None } else { (installed.callback)(&fault) };
    match landing {
        Some(landing) => registers::land(context_ref, &landing),
        None => forward(&installed.previous, signal, sent, info, context),
    }
}

/// Gives the signal to the action that was installed before ours.
fn forward(
    previous: &[libc::sigaction; SIGNALS.len()],
    signal: libc::c_int,
    sent: bool,
    info: *mut libc::siginfo_t,
    context: *mut libc::ucontext_t,
) {
    let Some(place) = SIGNALS.iter().position(|s| *s == signal) else { return };
    let action = &previous[place];
    match action.sa_sigaction {
        libc::SIG_IGN if sent => {}
        // With the default in place again, the instruction faults once more and the process ends as it would have. (A
        // fault cannot be ignored.) A signal that was sent is sent again.
        libc::SIG_DFL | libc::SIG_IGN => {
            // SAFETY: all-zero is the default action with an empty mask.
            let default: libc::sigaction = unsafe { std::mem::zeroed() };
            // SAFETY: installing the default action has no requirements.
            unsafe { libc::sigaction(signal, &default, std::ptr::null_mut()) };
            if sent {
                // SAFETY: raising a signal has no requirements.
                unsafe { libc::raise(signal) };
            }
        }
        _ => call(action, signal, info, context.cast()),
    }
}

/// Calls the handler of an action, which has one.
pub(crate) fn call(
    action: &libc::sigaction,
    signal: libc::c_int,
    info: *mut libc::siginfo_t,
    context: *mut libc::c_void,
) {
    let handler = action.sa_sigaction;
    if action.sa_flags & libc::SA_SIGINFO != 0 {
        type Handler = extern "C" fn(libc::c_int, *mut libc::siginfo_t, *mut libc::c_void);
        // SAFETY: whoever installed this address with SA_SIGINFO promised this signature.
        let handler = unsafe { std::mem::transmute::<usize, Handler>(handler) };
        handler(signal, info, context);
    } else {
        // SAFETY: whoever installed this address without SA_SIGINFO promised this signature.
        let handler = unsafe { std::mem::transmute::<usize, extern "C" fn(libc::c_int)>(handler) };
        handler(signal);
    }
}

#[cfg(target_arch = "x86_64")]
pub(crate) mod registers {
    use super::*;

    pub(crate) fn fault(context: &libc::ucontext_t, address: Option<usize>) -> Fault {
        let registers = &context.uc_mcontext.gregs;
        Fault {
            pc: registers[libc::REG_RIP as usize] as usize,
            fp: registers[libc::REG_RBP as usize] as usize,
            address,
        }
    }

    pub(crate) fn land(context: &mut libc::ucontext_t, landing: &Landing) {
        let registers = &mut context.uc_mcontext.gregs;
        registers[libc::REG_RIP as usize] = landing.pc as i64;
        registers[libc::REG_RSP as usize] = landing.sp as i64;
        registers[libc::REG_RBP as usize] = landing.fp as i64;
    }
}

#[cfg(target_arch = "aarch64")]
pub(crate) mod registers {
    use super::*;

    /// The frame pointer's place among the general registers.
    const FP: usize = 29;

    pub(crate) fn fault(context: &libc::ucontext_t, address: Option<usize>) -> Fault {
        let machine = &context.uc_mcontext;
        Fault { pc: machine.pc as usize, fp: machine.regs[FP] as usize, address }
    }

    pub(crate) fn land(context: &mut libc::ucontext_t, landing: &Landing) {
        let machine = &mut context.uc_mcontext;
        machine.pc = landing.pc as u64;
        machine.sp = landing.sp as u64;
        machine.regs[FP] = landing.fp as u64;
    }
}
