//! How threads begin and end.

use super::{Host, LONG, Program, eventually, linker, no_wasi};
use palisade::{Config, Engine, Module, Store, Trap};
use palisade_wasi::{I32Exit, WasiThreadsBuilder};
use std::sync::{Arc, mpsc};

/// What a thread does: exit, trap, or call the host; and then there are no more threads.
const ENDS: &str = r#"
    (func (export "wasi_thread_start") (param $tid i32) (param $arg i32)
        (if (i32.eq (local.get $arg) (i32.const 1)) (then (call $exit (i32.const 7))))
        (if (i32.eq (local.get $arg) (i32.const 2)) (then (unreachable))))
    (func (export "run") (result i32)
        (call $spawn (i32.load (i32.const 0))))"#;

#[test]
fn an_exit_in_a_thread() {
    let mut program = Program::new(no_wasi(), ENDS);
    program.set(0, 1);
    program.run_to_the_end();
    // It starts no thread any more that would not have exited.
    program.set(0, 0);
    assert!(program.run() < 0);
    let error = program.threads.wait().unwrap_err();
    assert_eq!(error.downcast_ref(), Some(&I32Exit(7)));
    program.threads.wait().unwrap();
}

#[test]
fn a_trap_in_a_thread() {
    let mut program = Program::new(no_wasi(), ENDS);
    assert!(program.run() > 0);
    program.join();
    program.set(0, 2);
    program.run_to_the_end();
    let error = program.threads.wait().unwrap_err();
    assert_eq!(error.downcast_ref(), Some(&Trap::UnreachableCodeReached));
    assert!(error.backtrace().is_some());
}

#[test]
fn a_handler_of_the_end() {
    let (send, ended) = mpsc::channel();
    let mut builder = WasiThreadsBuilder::new();
    builder.on_end(move |error| send.send(error).unwrap());
    let mut program = Program::with(no_wasi(), &mut builder, ENDS);
    program.set(0, 1);
    program.run_to_the_end();
    let error = ended.recv_timeout(LONG).unwrap();
    assert_eq!(error.downcast_ref(), Some(&I32Exit(7)));
    program.join();
    assert!(program.run() < 0);
    assert!(ended.try_recv().is_err());
}

/// It fails as its error would; and the message of the panic is the host's business.
#[test]
fn a_panic_of_a_host_function_in_a_thread() {
    let engine = Engine::default();
    let mut linker = linker(&engine);
    linker.func_wrap("host", "panic", || -> () { panic!("on purpose") }).unwrap();
    let module = Module::new(
        &engine,
        r#"(module
            (import "env" "memory" (memory 1 1 shared))
            (import "wasi" "thread-spawn" (func $spawn (param i32) (result i32)))
            (import "host" "panic" (func $panic))
            (func (export "wasi_thread_start") (param i32 i32) (call $panic))
            (func (export "run") (result i32) (call $spawn (i32.const 0))))"#,
    )
    .unwrap();
    let mut store = Store::new(&engine, Host::new(no_wasi()));
    let alive = store.data().alive.clone();
    let threads = WasiThreadsBuilder::new().build(&mut store, &linker, &module).unwrap();
    let instance = threads.instantiate(&mut store).unwrap();
    let run = instance.get_typed_func::<(), i32>(&mut store, "run").unwrap();
    assert!(run.call(&mut store, ()).unwrap() > 0);
    let error = threads.wait().unwrap_err();
    assert!(error.to_string().contains("panicked"), "{error}");
    eventually(|| threads.running() == 0);
    assert_eq!(Arc::strong_count(&alive), 2);
}

/// A thread that computes, one that waits for memory, one that exits when it is told to; `run` starts
/// them, and computes itself if it is told to.
const GO_ON: &str = r#"
    (func (export "wasi_thread_start") (param $tid i32) (param $arg i32)
        (call $done (i32.const 4))
        (if (i32.eqz (local.get $arg)) (then (loop $spin (br $spin))))
        (if (i32.eq (local.get $arg) (i32.const 1)) (then
            (drop (memory.atomic.wait32 (i32.const 64) (i32.const 0) (i64.const -1)))))
        (loop $spin (br_if $spin (i32.eqz (i32.atomic.load (i32.const 0)))))
        (call $exit (i32.const 9)))
    (func (export "run") (result i32)
        (drop (call $spawn (i32.const 0)))
        (drop (call $spawn (i32.const 1)))
        (drop (call $spawn (i32.const 2)))
        (call $until (i32.const 4) (i32.const 3))
        (loop $spin (br_if $spin (i32.load (i32.const 8))))
        (i32.const 5))"#;

/// The call of `run` comes back while threads go on.
#[test]
fn threads_that_outlive_the_first() {
    for by_drop in [true, false] {
        let mut program = Program::new(no_wasi(), GO_ON);
        let alive = program.store.data().alive.clone();
        assert_eq!(program.run(), 5);
        assert_eq!(program.threads.running(), 3);
        let Program { store, threads, memory: _, run: _ } = program;
        drop(store);
        match by_drop {
            true => drop(threads),
            false => {
                threads.stop();
                threads.wait().unwrap();
                assert_eq!(threads.running(), 0);
            }
        }
        // Their stores go with them.
        eventually(|| Arc::strong_count(&alive) == 1);
    }
}

#[test]
fn an_exit_stops_all_threads() {
    let mut program = Program::new(no_wasi(), GO_ON);
    let alive = program.store.data().alive.clone();
    program.set(8, 1);
    program.set(0, 1);
    program.run_to_the_end();
    let error = program.threads.wait().unwrap_err();
    assert_eq!(error.downcast_ref(), Some(&I32Exit(9)));
    assert_eq!(Arc::strong_count(&alive), 2);
}

#[test]
fn nothing_remains_of_threads() {
    let owned = Arc::new(());
    let engine = Engine::default();
    let mut linker = linker(&engine);
    let kept = owned.clone();
    linker.func_wrap("host", "kept", move || Arc::strong_count(&kept) as u32).unwrap();
    let mut program = Program::linked(
        &linker,
        no_wasi(),
        &mut WasiThreadsBuilder::new(),
        r#"(func (export "wasi_thread_start") (param i32 i32) (call $done (i32.const 0)))
        (func (export "run") (result i32) (local $i i32)
            (loop $next
                (if (i32.le_s (call $spawn (i32.const 0)) (i32.const 0)) (then (unreachable)))
                (local.set $i (i32.add (local.get $i) (i32.const 1)))
                (call $until (i32.const 0) (local.get $i))
                (br_if $next (i32.lt_u (local.get $i) (i32.const 200))))
            (i32.const 0))"#,
    );
    let alive = program.store.data().alive.clone();
    program.run();
    program.join();
    assert_eq!(Arc::strong_count(&alive), 2);
    drop(program);
    assert_eq!(Arc::strong_count(&alive), 1);
    assert_eq!(Arc::strong_count(&owned), 2);
    drop(linker);
    assert_eq!(Arc::strong_count(&owned), 1);
}

#[test]
fn as_many_threads_as_are_allowed() {
    // Threads wait for the count at 0 to reach their argument.
    let mut program = Program::with(
        no_wasi(),
        WasiThreadsBuilder::new().max_threads(3),
        r#"(func (export "wasi_thread_start") (param $tid i32) (param $arg i32)
            (call $until (i32.const 0) (local.get $arg)))
        (func (export "run") (result i32)
            (call $spawn (i32.load (i32.const 4))))"#,
    );
    program.set(4, 1);
    let one = program.run();
    program.set(4, 2);
    let (two, three) = (program.run(), program.run());
    assert!(one > 0 && two > 0 && three > 0);
    assert!(one != two && two != three && one != three);
    assert_eq!((program.run(), program.threads.running()), (-1, 3));
    program.set(0, 1);
    eventually(|| program.threads.running() == 2);
    let four = program.run();
    assert!(four > 0 && four != two && four != three);
    assert_eq!(program.run(), -1);
    program.set(0, 2);
    program.join();

    let mut program = Program::with(no_wasi(), WasiThreadsBuilder::new().max_threads(0), ENDS);
    assert_eq!(program.run(), -1);
}

/// Threads whose instances start threads, and so on.
#[test]
fn start_functions_that_start_threads() {
    let mut program = Program::with(
        no_wasi(),
        WasiThreadsBuilder::new().max_threads(20),
        r#"(func $start
            (drop (i32.atomic.rmw.add (i32.const 0) (i32.const 1)))
            (drop (call $spawn (i32.const 0))))
        (start $start)
        (func (export "wasi_thread_start") (param i32 i32)
            (drop (i32.atomic.rmw.add (i32.const 4) (i32.const 1))))
        (func (export "run") (result i32) (i32.load (i32.const 4)))"#,
    );
    program.join();
    // Each waits for the next one to have an instance, so all are there until the last one cannot start another.
    assert_eq!((program.u32_at(0), program.run()), (21, 20));
}

#[test]
fn a_start_function_that_ends_the_program() {
    for (what, exit) in [("(call $exit (i32.const 5))", Some(I32Exit(5))), ("unreachable", None)] {
        let mut program = Program::new(
            no_wasi(),
            &format!(
                r#"(func $start (if (i32.load (i32.const 0)) (then {what})))
                (start $start)
                (func (export "wasi_thread_start") (param i32 i32))
                (func (export "run") (result i32) (call $spawn (i32.const 0)))"#
            ),
        );
        program.set(0, 1);
        program.run_to_the_end();
        let error = program.threads.wait().unwrap_err();
        assert_eq!(error.downcast_ref::<I32Exit>(), exit.as_ref());
        assert_eq!(error.is::<Trap>(), exit.is_none());
    }
}

/// The stack of a thread fits what the engine allows, and what is beyond that is a trap.
#[test]
fn stacks() {
    const ALLOWED: usize = 16 << 20;
    let engine = Engine::new(Config::new().max_wasm_stack(ALLOWED)).unwrap();
    let linker = linker(&engine);
    let mut program = Program::linked(
        &linker,
        no_wasi(),
        &mut WasiThreadsBuilder::new(),
        r#"(func $deep (param i32) (result i32)
            (if (i32.eqz (local.get 0)) (then (return (i32.const 0))))
            (i32.add (i32.const 1) (call $deep (i32.sub (local.get 0) (i32.const 1)))))
        (func (export "wasi_thread_start") (param $tid i32) (param $arg i32)
            (i32.atomic.store (i32.const 4) (call $deep (local.get $arg)))
            (call $done (i32.const 0)))
        (func (export "run") (result i32) (call $spawn (i32.load (i32.const 8))))"#,
    );
    // A call takes 16 bytes at least.
    let depth = ALLOWED as u32 / 100;
    program.set(8, depth);
    assert!(program.run() > 0);
    program.join();
    assert_eq!(program.u32_at(4), depth);
    program.set(8, u32::MAX);
    program.run_to_the_end();
    let error = program.threads.wait().unwrap_err();
    assert_eq!(error.downcast_ref(), Some(&Trap::StackOverflow));
}
