//! Guests that do what no compiler makes of a program: exports that loop, lie, throw, call themselves.

use crate::{engine, set_up};
use palisade::{InterruptHandle, Module, Result, Store, Trap};
use palisade_emscripten::{Emscripten, EmscriptenBuilder, Program};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::time::Duration;

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
