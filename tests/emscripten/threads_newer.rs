//! Threads as newer versions have them, and as no compiler makes them, by modules written for that.

use crate::{engine, set_up};
use palisade::{Module, Result, Store, Trap};
use palisade_emscripten::{Emscripten, EmscriptenBuilder, Program};

const IMPORTS: &str = r#"
    (import "env" "memory" (memory 4 8 shared))
    (import "env" "__pthread_create_js" (func $create (param i32 i32 i32 i32) (result i32)))
    (import "env" "_emscripten_init_main_thread_js" (func $init_main (param i32)))
    (import "env" "_emscripten_thread_cleanup" (func $clean_up (param i32)))
    (import "env" "_emscripten_thread_mailbox_await" (func $await (param i32)))
    (import "env" "_emscripten_thread_set_strongref" (func $strong (param i32)))
    (import "env" "_emscripten_notify_mailbox_postmessage" (func $notify (param i32 i32)))
    (import "env" "_emscripten_receive_on_main_thread_js"
        (func $receive (param i32 i32 i32 i32 i32) (result f64)))
    (import "env" "emscripten_check_blocking_allowed" (func $blocking))
    (import "env" "emscripten_exit_with_live_runtime" (func $live))
    (import "env" "__pthread_kill_js" (func $kill (param i32 i32) (result i32)))
    (import "env" "exit" (func $exit (param i32)))"#;

/// What each instance has, with a thread that notes at 512 and above what it was told, in words.
const THREADS: &str = r#"
    (table (export "__indirect_function_table") 8 funcref)
    (global $self (mut i32) (i32.const 0))
    (global $sp (mut i32) (i32.const 65536))
    (func (export "_emscripten_thread_init") (param i32 i32 i32 i32 i32 i32)
        (global.set $self (local.get 0))
        (if (local.get 1) (then
            (i32.store (i32.const 512) (local.get 2))
            (i32.store (i32.const 516) (local.get 4)))
        (else (i32.store (i32.const 520) (i32.add (local.get 3) (local.get 4))))))
    (func (export "_emscripten_tls_init") (result i32)
        (drop (i32.atomic.rmw.add (i32.const 524) (i32.const 1)))
        (i32.const 0))
    (func (export "_emscripten_stack_set_limits") (param i32 i32)
        (i32.store (i32.const 528) (local.get 0))
        (i32.store (i32.const 532) (local.get 1)))
    (func (export "_emscripten_stack_restore") (param i32) (global.set $sp (local.get 0)))
    (func (export "emscripten_stack_get_current") (result i32) (global.get $sp))
    (func (export "pthread_self") (result i32) (global.get $self))
    (func $thread_exit (export "_emscripten_thread_exit") (param i32)
        (i32.store (i32.const 536) (local.get 0))
        (global.set $self (i32.const 0))
        (i32.atomic.store (i32.const 540) (i32.const 1))
        (drop (memory.atomic.notify (i32.const 540) (i32.const -1))))
    (func (export "_emscripten_thread_free_data") (param i32)
        (drop (i32.atomic.rmw.add (i32.const 544) (local.get 0))))
    (func (export "__wasm_call_ctors") (call $init_main (i32.const 256)))
    ;; A thread at 1024, whose stack of 4 KiB ends at 131072.
    (func $make (param $routine i32) (result i32)
        (i32.store (i32.const 1024) (i32.const 1024))
        (i32.store (i32.const 1076) (i32.const 131072))
        (i32.store (i32.const 1080) (i32.const 4096))
        (call $create (i32.const 1024) (i32.const 0) (local.get $routine) (i32.const 77)))
    (func $wait (param $at i32)
        (drop (memory.atomic.wait32 (local.get $at) (i32.const 0) (i64.const -1))))
    (func $set (param $at i32)
        (i32.atomic.store (local.get $at) (i32.const 1))
        (drop (memory.atomic.notify (local.get $at) (i32.const -1))))"#;

fn program(body: &str) -> (Store<Emscripten>, Program<Emscripten>) {
    let module = Module::new(engine(), format!("(module {IMPORTS} {THREADS} {body})")).unwrap();
    set_up(&module, &mut EmscriptenBuilder::new()).unwrap()
}

fn run(body: &str) -> (Result<i32>, impl Fn(usize) -> u32) {
    let (mut store, program) = program(body);
    let result = program.run(&mut store);
    let memory = match program.memory(&mut store) {
        Some(palisade::Extern::SharedMemory(memory)) => memory,
        other => panic!("{other:?}"),
    };
    let word = move |at: usize| {
        let mut bytes = [0; 4];
        memory.read(at, &mut bytes).unwrap();
        u32::from_le_bytes(bytes)
    };
    (result, word)
}

#[test]
fn a_thread_that_waits_for_mail() {
    let (result, word) = run(r#"(elem (i32.const 3) $routine)
           (func $routine (param i32) (result i32)
               (i32.store (i32.const 548) (i32.add (local.get 0) (global.get $sp)))
               (call $strong (global.get $self))
               (call $set (i32.const 552))
               (call $live)
               unreachable)
           (func (export "_emscripten_check_mailbox")
               (if (i32.ne (global.get $self) (i32.const 1024)) (then unreachable))
               (call $thread_exit (i32.const 99))
               (call $live))
           (func (export "__main_argc_argv") (param i32 i32) (result i32)
               (if (call $make (i32.const 3)) (then unreachable))
               (call $wait (i32.const 552))
               (call $notify (i32.const 1024) (global.get $self))
               (call $notify (i32.const 4096) (global.get $self))
               (call $wait (i32.const 540))
               ;; Until the thread has ended, it is not free.
               (loop $again
                   (call $clean_up (i32.const 1024))
                   (br_if $again (i32.eqz (i32.atomic.load (i32.const 544)))))
               (i32.load (i32.const 1024)))"#);
    assert_eq!(result.unwrap(), 0, "its pointer to itself is gone");
    assert_eq!((word(512), word(516)), (1, 65536), "the main thread, and default stacks");
    assert_eq!((word(520), word(524)), (1, 2), "the other can block; both have their own data");
    assert_eq!((word(528), word(532)), (131_072, 131_072 - 4096));
    assert_eq!((word(536), word(544), word(548)), (99, 1024, 131_072 + 77));
}

/// `main` has gone back to its event loop, and does what a thread asks for until that exits.
#[test]
fn the_main_thread_waits_for_mail() {
    let (result, word) = run(r#"(elem (i32.const 1) $routine)
           (func $routine (param i32) (result i32)
               (call $notify (i32.const 256) (global.get $self))
               (call $wait (i32.const 556))
               (i32.const 5))
           (func (export "_emscripten_check_mailbox")
               (i32.store (i32.const 560) (global.get $self))
               (call $set (i32.const 556)))
           (func (export "main") (result i32)
               (if (call $make (i32.const 1)) (then unreachable))
               (call $live)
               unreachable)"#);
    assert_eq!(result.unwrap(), 0);
    assert_eq!((word(560), word(536)), (256, 5));
}

#[test]
fn threads_can_be_killed_and_cancelled() {
    let (result, _) = run(r#"(elem (i32.const 1) $spin $waits $live_thread)
           (func $spin (param i32) (result i32)
               (call $set (i32.const 552))
               (loop (br 0)) unreachable)
           (func $waits (param i32) (result i32)
               (call $set (i32.const 552))
               (call $wait (i32.const 800))
               unreachable)
           (func $live_thread (param i32) (result i32)
               (call $set (i32.const 552))
               (call $live)
               unreachable)
           (func $kill_one (param $routine i32)
               (i32.atomic.store (i32.const 552) (i32.const 0))
               ;; As long as the last one is at this address there is no other.
               (loop $again (br_if $again (call $make (local.get $routine))))
               (call $wait (i32.const 552))
               (if (call $kill (i32.const 1024) (i32.const 9)) (then unreachable)))
           (func (export "main") (result i32)
               (call $kill_one (i32.const 1))
               (call $kill_one (i32.const 2))
               (i32.atomic.store (i32.const 552) (i32.const 0))
               (loop $again (br_if $again (call $make (i32.const 3))))
               (call $wait (i32.const 552))
               (drop (call $kill (i32.const 1024) (i32.const 33)))
               (call $wait (i32.const 540))
               (i32.add (i32.load (i32.const 536)) (i32.const 43)))"#);
    assert_eq!(result.unwrap(), 42, "the result of the one that was cancelled is -1");
}

/// The error of a thread is that of a call that the embedder has made itself.
#[test]
fn calls_of_exports_are_told_why_they_were_stopped() {
    let body = r#"(elem (i32.const 1) $divide $leave)
        (func $divide (param i32) (result i32) (i32.div_s (local.get 0) (i32.const 0)))
        (func $leave (param i32) (result i32) (call $exit (i32.const 12)) unreachable)
        (func (export "start") (param i32)
            (if (call $make (local.get 0)) (then unreachable))
            (call $wait (i32.const 800)))"#;
    for (routine, expected) in [(1, "integer divide by zero"), (2, "12")] {
        let (mut store, program) = program(body);
        let start = program.instance().get_typed_func::<i32, ()>(&mut store, "start").unwrap();
        let error = start.call(&mut store, routine).unwrap_err();
        assert_eq!(error.downcast_ref::<Trap>(), Some(&Trap::Interrupt));
        let error = program.explain(&mut store, error);
        assert!(format!("{error:#}").contains(expected), "{error:#}");
    }
}

#[test]
fn start_routines_of_wrong_types_and_places() {
    for (routine, trap) in
        [(0, Trap::IndirectCallToNull), (1, Trap::BadSignature), (99, Trap::TableOutOfBounds)]
    {
        let (result, _) = run(&format!(
            "(elem (i32.const 1) $wrong)
             (func $wrong (param f64))
             (func (export \"main\") (result i32)
                 (if (call $make (i32.const {routine})) (then unreachable))
                 (call $wait (i32.const 800)) (i32.const 0))"
        ));
        assert_eq!(result.unwrap_err().downcast_ref::<Trap>(), Some(&trap));
    }
}

/// Pointers of all kinds, from several threads at once, that also create others.
#[test]
fn wild_calls_of_threads() {
    let (result, _) = run(r#"(elem (i32.const 1) $routine $routine)
           (func $next (param $state i32) (result i32)
               (local.set $state
                   (i32.xor (local.get $state) (i32.shl (local.get $state) (i32.const 13))))
               (local.set $state
                   (i32.xor (local.get $state) (i32.shr_u (local.get $state) (i32.const 17))))
               (i32.xor (local.get $state) (i32.shl (local.get $state) (i32.const 5))))
           (func $wild (param $state i32) (result i32)
               ;; Within the memory mostly, and often the same.
               (select (i32.and (local.get $state) (i32.const 0x7ffc)) (local.get $state)
                   (i32.and (local.get $state) (i32.const 0x70000))))
           (func $routine (param i32) (result i32)
               (local $state i32) (local $left i32)
               (local.set $state (i32.add (i32.mul (local.get 0) (i32.const 97)) (i32.const 1)))
               (local.set $left (i32.const 60))
               (loop $again
                   (local.set $state (call $next (local.get $state)))
                   (drop (call $create (call $wild (local.get $state)) (i32.const -1)
                       (i32.const 1) (local.get $state)))
                   (local.set $state (call $next (local.get $state)))
                   (call $notify (call $wild (local.get $state)) (local.get $state))
                   (drop (call $kill (call $wild (local.get $state))
                       (i32.and (local.get $state) (i32.const 127))))
                   (if (i32.and (local.get $state) (i32.const 32)) (then
                       (local.set $state (call $next (local.get $state)))
                       (if (i32.lt_u (call $wild (local.get $state)) (i32.const 262144)) (then
                           (call $clean_up (call $wild (local.get $state)))))))
                   (local.set $left (i32.sub (local.get $left) (i32.const 1)))
                   (br_if $again (local.get $left)))
               (if (i32.gt_u (i32.atomic.rmw.add (i32.const 900) (i32.const 1)) (i32.const 300))
                   (then (call $exit (i32.const 6))))
               (i32.const 0))
           (func (export "_emscripten_check_mailbox"))
           (func (export "main") (result i32)
               (loop $again (drop (call $routine (i32.const 1))) (br $again))
               unreachable)"#);
    // The limits of stacks are wild too, and what is written there may be anything.
    match result {
        Ok(code) => assert_eq!(code, 6),
        Err(error) => assert!(error.is::<Trap>(), "{error:#}"),
    }
}
