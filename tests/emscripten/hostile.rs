//! Guests that do what no compiler makes of a program: exports that loop, lie, throw, call themselves.

use crate::{engine, set_up};
use palisade::{
    InterruptHandle, Linker, Module, Result, Store, StoreLimits, StoreLimitsBuilder, Trap,
};
use palisade_emscripten::{Emscripten, EmscriptenBuilder, Imports, Program, Threads};
use std::sync::Arc;
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

/// Host functions that call the guest, which calls them again, as long as there is stack; on the
/// first thread and on another one.
#[test]
fn guests_and_hosts_that_call_each_other_end_with_the_stack() {
    for (import, recursive, begin) in [
        (
            r#""__cxa_allocate_exception" (func $host (param i32) (result i32))"#,
            r#"(export "malloc") (param i32) (result i32) (call $host (local.get 0))"#,
            "(drop (call $host (i32.const 8)))",
        ),
        (
            r#""_mmap_js" (func $host (param i32 i32 i32 i32 i64 i32 i32) (result i32))"#,
            r#"(export "emscripten_builtin_memalign") (param i32 i32) (result i32)
               (call $host (i32.const 8) (i32.const 1) (i32.const 2) (i32.const 3) (i64.const 0)
                   (i32.const 64) (i32.const 64))"#,
            "(drop (call $open (i32.const 32) (i32.const 66) (i32.const 0)))
             (drop (call $host (i32.const 8) (i32.const 1) (i32.const 2) (i32.const 3)
                 (i64.const 0) (i32.const 64) (i32.const 64)))",
        ),
        (
            r#""_tzset_js" (func $host (param i32 i32 i32))"#,
            r#"(export "malloc") (param i32) (result i32)
               (call $host (i32.const 64) (i32.const 64) (i32.const 64)) (i32.const 64)"#,
            "(call $host (i32.const 64) (i32.const 64) (i32.const 64))",
        ),
        (
            r#""invoke_v" (func $host (param i32))"#,
            "(call $host (i32.const 2))",
            "(call $host (i32.const 2))",
        ),
        (
            r#""invoke_idfj" (func $host (param i32 f64 f32 i64) (result i32))"#,
            "(param f64 f32 i64) (result i32)
             (call $host (i32.const 2) (local.get 0) (local.get 1) (local.get 2))",
            "(drop (call $host (i32.const 2) (f64.const 0) (f32.const 0) (i64.const 0)))",
        ),
        (
            r#""__cxa_decrement_exception_refcount" (func $host (param i32))"#,
            "(param i32)
             (i32.store (i32.const 488) (i32.const 1)) (i32.store (i32.const 496) (i32.const 2))
             (call $host (i32.const 512))",
            "(i32.store (i32.const 488) (i32.const 1)) (i32.store (i32.const 496) (i32.const 2))
             (call $host (i32.const 512))",
        ),
        (
            r#""__cxa_find_matching_catch_4" (func $host (param i32 i32) (result i32))"#,
            r#"(export "__cxa_can_catch") (param i32 i32 i32) (result i32)
               (call $host (i32.const 1) (i32.const 2))"#,
            "(i32.store (i32.const 492) (i32.const 8))
             (call $try (i32.const 3))
             (drop (call $host (i32.const 1) (i32.const 2)))",
        ),
        (
            r#""__cxa_get_exception_ptr" (func $host (param i32) (result i32))"#,
            r#"(export "__cxa_is_pointer_type") (param i32) (result i32)
               (call $host (i32.const 512))"#,
            "(drop (call $host (i32.const 512)))",
        ),
        (
            r#""emscripten_sleep" (func $host (param i32))"#,
            "(param i32) (drop (call $soon (i32.const 2) (i32.const 0))) (call $host (i32.const 1))",
            "(drop (call $soon (i32.const 2) (i32.const 0))) (call $host (i32.const 1))",
        ),
        (
            r#""exit" (func $host (param i32))"#,
            r#"(export "fflush") (param i32) (result i32) (call $host (i32.const 0)) (i32.const 0)"#,
            "(call $host (i32.const 1))",
        ),
        (
            r#""__call_sighandler" (func $host (param i32 i32))"#,
            "(param i32) (call $host (i32.const 2) (i32.const 1))",
            "(call $host (i32.const 2) (i32.const 1))",
        ),
        (
            r#""__call_main" (func $host (param i32 i32) (result i32))"#,
            r#"(export "__main_argc_argv") (param i32 i32) (result i32)
               (call $host (i32.const 0) (i32.const 0))"#,
            "(drop (call $host (i32.const 0) (i32.const 0)))",
        ),
        (
            r#""_emscripten_init_main_thread_js" (func $host (param i32))"#,
            r#"(export "_emscripten_thread_init") (param i32 i32 i32 i32 i32 i32)
               (if (local.get 1) (then (call $host (i32.const 512))))"#,
            "(call $host (i32.const 512))",
        ),
    ] {
        for on_thread in [false, true] {
            let (main, body) = match on_thread {
                true => (
                    "(if (call $create (i32.const 1024) (i32.const 0) (i32.const 1) (i32.const 0))
                         (then unreachable))
                     (drop (memory.atomic.wait32 (i32.const 2048) (i32.const 0) (i64.const -1)))",
                    begin,
                ),
                false => (begin, ""),
            };
            let (mut store, program) = program(&format!(
                r#"(module
                (import "env" {import})
                (import "env" "memory" (memory 2 2 shared))
                (import "env" "__pthread_create_js"
                    (func $create (param i32 i32 i32 i32) (result i32)))
                (import "env" "__syscall_open" (func $open (param i32 i32 i32) (result i32)))
                (import "env" "emscripten_set_immediate"
                    (func $soon (param i32 i32) (result i32)))
                (import "env" "invoke_vi" (func $try (param i32)))
                (import "env" "__cxa_throw" (func $throw (param i32 i32 i32)))
                (data (i32.const 32) "/tmp/file\00")
                (table (export "__indirect_function_table") 4 funcref)
                (elem (i32.const 1) $thread $again $throws)
                (func $throws (call $throw (i32.const 512) (i32.const 8) (i32.const 0)))
                (func (export "stackSave") (result i32) (i32.const 0))
                (func (export "stackRestore") (param i32))
                (func (export "setThrew") (param i32 i32))
                (func $thread (param i32) (result i32) {body} (i32.const 0))
                (func $again {recursive})
                (func (export "work") {main}))"#
            ))
            .unwrap();
            let work = program.instance().get_typed_func::<(), ()>(&mut store, "work").unwrap();
            let error = work.call(&mut store, ()).unwrap_err();
            let error = program.explain(&mut store, error);
            let found = error.downcast_ref::<Trap>();
            assert_eq!(found, Some(&Trap::StackOverflow), "{import} {on_thread}: {error:#}");
        }
    }
}

/// Waits of years, for nothing and for what does not come.
#[test]
fn guests_that_poll_can_be_stopped() {
    let poll = r#"(import "env" "__syscall_poll" (func $poll (param i32 i32 i32) (result i32)))"#;
    let select = r#"(import "env" "__syscall__newselect"
        (func $select (param i32 i32 i32 i32 i32) (result i32)))"#;
    let threads = r#"(import "env" "memory" (memory 1 1 shared))
        (import "env" "__pthread_create_js" (func (param i32 i32 i32 i32) (result i32)))"#;
    let own = r#"(memory (export "memory") 1)"#;
    for (import, memory, call) in [
        (poll, own, "(call $poll (i32.const 0) (i32.const 0) (i32.const 0x7fffffff))"),
        (poll, threads, "(call $poll (i32.const 0) (i32.const 0) (i32.const -1))"),
        (
            select,
            own,
            "(i32.store (i32.const 64) (i32.const 0x7fffffff))
             (call $select (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 64))",
        ),
        (
            select,
            threads,
            "(call $select (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0))",
        ),
    ] {
        let text =
            format!("(module {import} {memory} (func (export \"main\") (result i32) {call}))");
        let (mut store, program) = program(&text).unwrap();
        let _once = Once::stop(store.interrupt_handle());
        let error = program.run(&mut store).unwrap_err();
        assert_eq!(error.downcast_ref::<Trap>(), Some(&Trap::Interrupt), "{error:#}");
    }
}

/// A stream of the embedder's panics on a thread of the guest: the program ends with an error.
#[test]
fn panics_of_the_host_on_a_thread_end_the_program() {
    struct Broken;
    impl std::io::Write for Broken {
        fn write(&mut self, _: &[u8]) -> std::io::Result<usize> {
            panic!("a stream that panics, as the test expects")
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    let module = Module::new(
        engine(),
        r#"(module
            (import "env" "memory" (memory 1 1 shared))
            (import "env" "__pthread_create_js"
                (func $create (param i32 i32 i32 i32) (result i32)))
            (import "wasi_snapshot_preview1" "fd_write"
                (func $write (param i32 i32 i32 i32) (result i32)))
            (table (export "__indirect_function_table") 2 funcref)
            (elem (i32.const 1) $thread)
            (data (i32.const 8) "\10\00\00\00\05\00\00\00hello")
            (func $thread (param i32) (result i32)
                (call $write (i32.const 1) (i32.const 8) (i32.const 1) (i32.const 32)))
            (func (export "main") (result i32)
                (drop (call $create (i32.const 1024) (i32.const 0) (i32.const 1) (i32.const 0)))
                (drop (memory.atomic.wait32 (i32.const 256) (i32.const 0) (i64.const -1)))
                (i32.const 0)))"#,
    )
    .unwrap();
    let (mut store, program) = set_up(&module, EmscriptenBuilder::new().stdout(Broken)).unwrap();
    let error = program.run(&mut store).unwrap_err();
    assert!(format!("{error:#}").contains("panicked in a thread"), "{error:#}");
    assert_eq!(program.running_threads(), 0);
}

/// The program ends while threads are everywhere: none is left, and no store.
#[test]
fn programs_can_be_made_and_dropped_again_and_again() {
    let text = r#"(module
        (import "env" "memory" (memory 1 1 shared))
        (import "env" "__pthread_create_js"
            (func $create (param i32 i32 i32 i32) (result i32)))
        (import "env" "__syscall_poll" (func $poll (param i32 i32 i32) (result i32)))
        (import "env" "emscripten_exit_with_live_runtime" (func $live))
        (table (export "__indirect_function_table") 6 funcref)
        (elem (i32.const 1) $spin $waits $polls $lives)
        (func $spin (param i32) (result i32) (loop $l (br $l)) unreachable)
        (func $waits (param i32) (result i32)
            (memory.atomic.wait32 (i32.const 256) (i32.const 0) (i64.const -1)))
        (func $polls (param i32) (result i32)
            (call $poll (i32.const 0) (i32.const 0) (i32.const -1)))
        (func $lives (param i32) (result i32) (call $live) unreachable)
        (func (export "main") (result i32)
            (local $i i32)
            (loop $more
                (drop (call $create (i32.add (i32.const 1024) (i32.mul (local.get $i) (i32.const 64)))
                    (i32.const 0)
                    (i32.add (i32.const 1) (i32.and (local.get $i) (i32.const 3)))
                    (i32.const 0)))
                (local.set $i (i32.add (local.get $i) (i32.const 1)))
                (br_if $more (i32.lt_u (local.get $i) (i32.const 12))))
            (local.get $i)))"#;
    struct Stream(#[expect(dead_code, reason = "it is counted")] Arc<()>);
    impl std::io::Write for Stream {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            Ok(bytes.len())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    let module = Module::new(engine(), text).unwrap();
    let stores = Arc::new(());
    for run in [true, false, true] {
        let mut builder = EmscriptenBuilder::new();
        builder.stdout(Stream(stores.clone()));
        let (mut store, program) = set_up(&module, &mut builder).unwrap();
        match run {
            true => assert_eq!(program.run(&mut store).unwrap(), 12),
            false => {
                let main = program.instance().get_typed_func::<(), i32>(&mut store, "main");
                assert_eq!(main.unwrap().call(&mut store, ()).unwrap(), 12);
                assert!(program.running_threads() > 8);
            }
        }
        drop((program, store, builder));
    }
    let end = Instant::now() + Duration::from_secs(60);
    while Arc::strong_count(&stores) > 1 {
        assert!(Instant::now() < end, "a thread has not dropped its store");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// The limiter of a store is asked by whatever way its guest's memory grows, of any kind.
#[test]
fn memories_grow_no_further_than_the_limiter_allows() {
    struct Data(Emscripten, StoreLimits);
    impl Clone for Data {
        fn clone(&self) -> Data {
            Data(self.0.clone(), StoreLimits::default())
        }
    }
    for memory in [
        r#"(memory (export "memory") 2 100)"#,
        r#"(import "env" "memory" (memory 2 100 shared))
           (import "env" "__pthread_create_js" (func (param i32 i32 i32 i32) (result i32)))"#,
    ] {
        let text = format!(
            r#"(module
                (import "env" "emscripten_resize_heap" (func $resize (param i32) (result i32)))
                {memory}
                (func (export "main") (result i32)
                    (i32.add
                        (i32.mul (call $resize (i32.const 196608)) (i32.const 10))
                        (call $resize (i32.const 655360)))))"#
        );
        let module = Module::new(engine(), &text).unwrap();
        let mut linker = Linker::new(engine());
        Imports::of(&module).add_to_linker(&mut linker, |data: &mut Data| &mut data.0).unwrap();
        let limits = StoreLimitsBuilder::new().memory_size(4 << 16).build();
        let guest = EmscriptenBuilder::new().build().unwrap();
        let mut store = Store::new(engine(), Data(guest, limits));
        store.limiter(|data| &mut data.1);
        let threads = Threads::new();
        let program =
            Program::with_threads(&mut store, &linker, &module, |data| &mut data.0, threads);
        assert_eq!(program.unwrap().run(&mut store).unwrap(), 10, "once, and then no more");
        // It also has to allow what a guest begins with.
        let guest = EmscriptenBuilder::new().build().unwrap();
        let limits = StoreLimitsBuilder::new().memory_size(1 << 16).build();
        let mut store = Store::new(engine(), Data(guest, limits));
        store.limiter(|data| &mut data.1);
        let threads = Threads::new();
        let program =
            Program::with_threads(&mut store, &linker, &module, |data| &mut data.0, threads);
        assert!(program.unwrap_err().to_string().contains("exceeds memory limits"));
    }
}
