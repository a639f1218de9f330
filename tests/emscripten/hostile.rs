//! Guests that do what no compiler makes of a program: exports that loop, lie, throw, call themselves.

use crate::{engine, set_up};
use palisade::{InterruptHandle, Module, Result, Store, Trap};
use palisade_emscripten::{Emscripten, EmscriptenBuilder, Program};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::time::{Duration, Instant};

fn program(text: &str) -> Result<(Store<Emscripten>, Program<Emscripten>)> {
    let module = Module::new(engine(), text).unwrap();
    set_up(&module, EmscriptenBuilder::new().arg("hostile"))
}

/// Stops a guest in a moment, once. If that was not enough it is stopped again much later, and
/// what is given here fails when it is dropped.
struct Once(Option<Sender<()>>, Option<std::thread::JoinHandle<bool>>);

impl Once {
    fn stop(handle: InterruptHandle) -> Once {
        let (sender, receiver) = channel::<()>();
        let thread = std::thread::spawn(move || {
            std::thread::sleep(Duration::from_millis(50));
            handle.interrupt();
            let mut enough = true;
            while let Err(RecvTimeoutError::Timeout) =
                receiver.recv_timeout(Duration::from_secs(10))
            {
                enough = false;
                handle.interrupt();
            }
            enough
        });
        Once(Some(sender), Some(thread))
    }
}

impl Drop for Once {
    fn drop(&mut self) {
        drop(self.0.take());
        let enough = self.1.take().unwrap().join().unwrap();
        assert!(enough || std::thread::panicking(), "the guest went on");
    }
}

#[test]
fn a_guest_that_was_stopped_is_not_called_again() {
    let (mut store, program) = program(
        r#"(module
            (memory (export "memory") 1)
            (func $loop (export "emscripten_stack_get_current") (result i32)
                (loop $l (br $l)) unreachable)
            (func (export "emscripten_stack_get_end") (result i32) (call $loop))
            (func (export "fflush") (param i32) (result i32) (call $loop))
            (func (export "main") (result i32) (call $loop)))"#,
    )
    .unwrap();
    let _once = Once::stop(store.interrupt_handle());
    let error = program.run(&mut store).unwrap_err();
    assert_eq!(error.downcast_ref::<Trap>(), Some(&Trap::Interrupt), "{error:#}");
}

/// `main` has gone back to its event loop, and a thread computes for ever.
#[test]
fn a_program_that_waits_for_events_can_be_stopped() {
    let (mut store, program) = program(
        r#"(module
            (import "env" "memory" (memory 1 1 shared))
            (import "env" "__pthread_create_js"
                (func $create (param i32 i32 i32 i32) (result i32)))
            (import "env" "emscripten_exit_with_live_runtime" (func $live))
            (table (export "__indirect_function_table") 2 funcref)
            (elem (i32.const 1) $spin)
            (func $spin (param i32) (result i32) (loop $l (br $l)) unreachable)
            (func (export "main") (result i32)
                (if (call $create (i32.const 1024) (i32.const 0) (i32.const 1) (i32.const 0))
                    (then unreachable))
                (call $live)
                unreachable))"#,
    )
    .unwrap();
    let _once = Once::stop(store.interrupt_handle());
    let error = program.run(&mut store).unwrap_err();
    assert_eq!(error.downcast_ref::<Trap>(), Some(&Trap::Interrupt), "{error:#}");
}

/// A million files, which would be terabytes to write, or take minutes to look for.
#[test]
fn lists_of_embedded_files_have_an_end() {
    let name = "dir/.././".repeat(400) + "f";
    for (len, why) in [(4 << 20, "out of bounds"), (0, "too long")] {
        let (mut store, program) = program(&format!(
            r#"(module
            (import "env" "_emscripten_fs_load_embedded_files" (func $load (param i32)))
            (memory (export "memory") 256)
            (data (i32.const 16) "{name}")
            (func (export "main") (result i32)
                (local $at i32)
                (local.set $at (i32.const 65536))
                (loop $again
                    (i32.store (local.get $at) (i32.const 16))
                    (i32.store offset=4 (local.get $at) (i32.const {len}))
                    (local.set $at (i32.add (local.get $at) (i32.const 12)))
                    (br_if $again (i32.lt_u (local.get $at) (i32.const 14000000))))
                (call $load (i32.const 65536))
                (i32.const 0)))"#
        ))
        .unwrap();
        let began = Instant::now();
        let error = program.run(&mut store).unwrap_err();
        assert!(format!("{error:#}").contains(why), "{error:#}");
        assert!(began.elapsed() < Duration::from_secs(120), "{:?}", began.elapsed());
    }
}
