//! What the engine's signal handler must leave alone: faults that are not those of compiled code.
//!
//! A process can show this only by dying. So each test runs this program again with only the test `child`, told by an
//! environment variable what to do, and looks at how it ended.

use crate::{call, instance, instantiate, trap};
use palisade::{Engine, Func, Memory, MemoryType, Store, Trap};
use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;

const VARIABLE: &str = "PALISADE_TRAP_TEST_CHILD";

/// What the handlers of the embedder exit with.
const HANDLED: i32 = 42;

/// An address that is never accessible, and not the one that compiled code uses for checks.
const BAD_ADDRESS: usize = 0x18;

/// Runs the child and tells how it ended.
fn run_child(what: &str) -> ExitStatus {
    let mut command = palisade_tests::this_program();
    command.args(["--exact", "signals::child", "--nocapture"]).env(VARIABLE, what);
    command.output().expect("it starts").status
}

fn assert_killed_by(what: &str, signal: i32) {
    let status = run_child(what);
    assert_eq!(status.signal(), Some(signal), "{what}: {status}");
}

fn assert_exits(what: &str, code: i32) {
    let status = run_child(what);
    assert_eq!(status.code(), Some(code), "{what}: {status}");
}

#[test]
fn fault_in_host_function_kills() {
    assert_killed_by("fault in wrapped function", libc::SIGSEGV);
    assert_killed_by("fault in wrapped function called in loop", libc::SIGSEGV);
    assert_killed_by("fault in new function", libc::SIGSEGV);
}

/// Addresses do not make a fault one of wasm, but the code that faults.
#[test]
fn fault_of_host_in_guard_region_kills() {
    assert_killed_by("fault in guard region", libc::SIGSEGV);
}

#[test]
fn fault_without_wasm_kills() {
    assert_killed_by("fault without wasm", libc::SIGSEGV);
    assert_killed_by("fault after trap", libc::SIGSEGV);
    assert_killed_by("fault on thread without wasm", libc::SIGSEGV);
}

#[test]
fn earlier_handler_gets_foreign_faults() {
    assert_exits("handler, fault in wrapped function", HANDLED);
    assert_exits("handler, fault without wasm", HANDLED);
    assert_exits("simple handler, fault in wrapped function", HANDLED);
}

#[test]
fn traps_work_beside_earlier_handler() {
    assert_exits("handler, traps", 0);
    assert_exits("simple handler, traps", 0);
}

/// Signals that were sent are not repeated by an instruction; they must have their default effect the first time.
#[test]
fn sent_signals_have_their_effect() {
    assert_killed_by("raise SIGFPE", libc::SIGFPE);
    assert_killed_by("raise SIGILL", libc::SIGILL);
}

/// What the embedder has chosen to ignore stays ignored.
#[test]
fn ignored_signals_stay_ignored() {
    assert_exits("ignore SIGFPE and raise it twice", 0);
}

/// Runs in the child only; returns at once in the parent.
#[test]
fn child() {
    let Ok(what) = std::env::var(VARIABLE) else { return };
    without_core_dumps();
    let (handler, what) = match what.split_once(", ") {
        Some(("handler", what)) => (Some(Handler::WithInfo), what),
        Some(("simple handler", what)) => (Some(Handler::Simple), what),
        _ => (None, &what[..]),
    };
    if let Some(handler) = handler {
        install(libc::SIGSEGV, handler);
    }
    match what {
        "fault in wrapped function" => call_host("(call $f)", false, fault),
        "fault in wrapped function called in loop" => call_host("(loop (call $f))", false, fault),
        "fault in new function" => call_host("(call $f)", true, fault),
        "fault in guard region" => fault_in_guard_region(),
        "fault without wasm" => {
            let _engine = Engine::default();
            fault();
        }
        "fault after trap" => {
            traps();
            fault();
        }
        "fault on thread without wasm" => {
            traps();
            std::thread::spawn(fault).join().expect("not reached");
        }
        "traps" => traps(),
        "raise SIGFPE" => raise(libc::SIGFPE, 1),
        "raise SIGILL" => raise(libc::SIGILL, 1),
        "ignore SIGFPE and raise it twice" => {
            install(libc::SIGFPE, Handler::Ignore);
            raise(libc::SIGFPE, 2);
        }
        other => panic!("unknown task {other}"),
    }
}

/// Runs wasm that calls a function of the host which runs `body`.
fn call_host(call_text: &str, new: bool, body: fn()) {
    let mut store = Store::new(&Engine::default(), ());
    let func = if new {
        let ty = palisade::FuncType::new(store.engine(), [], []);
        Func::new(&mut store, ty, move |_, _, _| {
            body();
            Ok(())
        })
    } else {
        Func::wrap(&mut store, body)
    };
    let text = format!("(module (import \"\" \"\" (func $f)) (func (export \"run\") {call_text}))");
    let instance = instantiate(&mut store, &text, &[func.into()]);
    call(&mut store, instance, "run", &[]).expect("the host function does not fail");
}

/// Traps in several ways: by accesses, by instructions that the CPU refuses, by checks.
fn traps() {
    let (mut store, instance) = instance(
        "(module (memory 1)
            (func (export \"load\") (drop (i32.load (i32.const -1))))
            (func (export \"stop\") (unreachable))
            (func (export \"down\") (call 2))
            (func (export \"div\") (drop (i32.div_u (i32.const 1) (i32.load (i32.const 0)))))
            (func $quiet)
            (func (export \"go on\") (call $quiet) (unreachable)))",
    );
    for _ in 0..10 {
        for (name, expected) in [
            ("load", Trap::MemoryOutOfBounds),
            ("stop", Trap::UnreachableCodeReached),
            ("go on", Trap::UnreachableCodeReached),
            ("down", Trap::StackOverflow),
            ("div", Trap::IntegerDivisionByZero),
        ] {
            let error = call(&mut store, instance, name, &[]).expect_err("it traps");
            assert_eq!(trap(&error), expected);
        }
    }
}

fn fault() {
    read(BAD_ADDRESS);
}

/// Reads behind a memory's end while wasm that could do the same is active.
fn fault_in_guard_region() {
    let mut store = Store::new(&Engine::default(), ());
    let memory = Memory::new(&mut store, MemoryType::new(1, None)).expect("a memory");
    let beyond = memory.data_ptr(&store) as usize + memory.data_size(&store);
    let func = Func::wrap(&mut store, move || read(beyond));
    let text = "(module (import \"\" \"\" (memory 1)) (import \"\" \"\" (func $f))
        (func (export \"run\") (drop (i32.load (i32.const 0))) (call $f)))";
    let instance = instantiate(&mut store, text, &[memory.into(), func.into()]);
    call(&mut store, instance, "run", &[]).expect("not reached");
}

/// Reads one byte at an address that must be inaccessible.
fn read(address: usize) {
    let pointer = std::ptr::with_exposed_provenance::<u8>(address);
    // SAFETY: none is possible: the read is meant to fault. It is volatile, so it happens; nothing is done with what it
    // would yield.
    let byte = unsafe { pointer.read_volatile() };
    eprintln!("read {byte} at {address:#x}, which should have faulted");
}

/// Sends a signal to this thread, `times`.
fn raise(signal: i32, times: usize) {
    let _engine = Engine::default();
    for _ in 0..times {
        // SAFETY: sending a signal touches no memory.
        assert_eq!(unsafe { libc::raise(signal) }, 0);
    }
}

/// The death of a child is no reason to write its memory to a file.
fn without_core_dumps() {
    let none = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: the argument is valid for reads.
    assert_eq!(unsafe { libc::setrlimit(libc::RLIMIT_CORE, &none) }, 0);
}

/// A signal handler as an embedder might install it before there is an engine.
enum Handler {
    /// With SA_SIGINFO.
    WithInfo,
    /// With the number of the signal only.
    Simple,
    /// SIG_IGN.
    Ignore,
}

fn install(signal: i32, handler: Handler) {
    // SAFETY: all-zero is a valid `sigaction`, with an empty mask.
    let mut action: libc::sigaction = unsafe { std::mem::zeroed() };
    (action.sa_sigaction, action.sa_flags) = match handler {
        Handler::WithInfo => (exit_with_info as *const () as usize, libc::SA_SIGINFO),
        Handler::Simple => (exit_simply as *const () as usize, 0),
        Handler::Ignore => (libc::SIG_IGN, 0),
    };
    // SAFETY: the handlers below have the signatures that the flags demand, and only end the process.
    assert_eq!(unsafe { libc::sigaction(signal, &action, std::ptr::null_mut()) }, 0);
}

extern "C" fn exit_with_info(
    signal: libc::c_int,
    info: *mut libc::siginfo_t,
    context: *mut libc::c_void,
) {
    // SAFETY: the kernel passes a valid `siginfo_t`, which has an address for this signal.
    let address = unsafe { (*info).si_addr() } as usize;
    let right = signal == libc::SIGSEGV && address == BAD_ADDRESS && !context.is_null();
    // SAFETY: `_exit` may be called in a signal handler.
    unsafe { libc::_exit(if right { HANDLED } else { 1 }) }
}

extern "C" fn exit_simply(signal: libc::c_int) {
    // SAFETY: `_exit` may be called in a signal handler.
    unsafe { libc::_exit(if signal == libc::SIGSEGV { HANDLED } else { 1 }) }
}
