//! Guests that are stopped from other threads.

use super::instance;
use palisade::{
    Compilation, Config, Engine, Instance, InterruptHandle, Linker, Module, Store, Trap, TypedFunc,
    WasmBacktrace,
};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::{Duration, Instant};

/// Interrupts when the guest has had some time.
fn soon(handle: InterruptHandle) -> thread::JoinHandle<()> {
    thread::spawn(move || {
        thread::sleep(Duration::from_micros(300));
        handle.interrupt();
    })
}

#[track_caller]
fn assert_interrupted<R: std::fmt::Debug>(result: palisade::Result<R>) {
    let error = result.expect_err("an interrupt");
    assert_eq!(error.downcast_ref::<Trap>(), Some(&Trap::Interrupt), "{error:?}");
}

const LOOPS: &str = r#"(module
    (memory 1 100)
    (table $t 2 funcref)
    (elem declare func $one $two)
    (func $one (param i32) (result i32) (i32.const 1))
    (func $two (param f64) (result i32) (i32.const 2))
    (func $leaf (param i32) (result i32) (i32.add (local.get 0) (i32.load (i32.const 0))))
    (type $one (func (param i32) (result i32)))
    (type $two (func (param f64) (result i32)))
    (func (export "spin") (loop $l (br $l)))
    (func (export "count") (loop $l
        (i32.store (i32.const 0) (i32.add (i32.load (i32.const 0)) (i32.const 1)))
        (br $l)))
    (func (export "calls") (loop $l (drop (call $leaf (i32.const 3))) (br $l)))
    (func $deep (param i32)
        (if (local.get 0) (then (call $deep (i32.sub (local.get 0) (i32.const 1))))))
    (func (export "recurses") (loop $l (call $deep (i32.const 50)) (br $l)))
    (func $tail (return_call $tail))
    (func (export "tail") (call $tail))
    (func (export "fills") (loop $l
        (memory.fill (i32.const 0) (i32.const 7) (i32.const 60000)) (br $l)))
    (func (export "grows") (loop $l (drop (memory.grow (i32.const 0))) (br $l)))
    (func (export "tables") (loop $l
        (table.set $t (i32.const 0) (ref.func $one))
        (table.set $t (i32.const 0) (ref.func $two))
        (table.set $t (i32.const 0) (ref.null func))
        (br $l)))
    (func (export "call_one") (result i32)
        (call_indirect $t (type $one) (i32.const 5) (i32.const 0)))
    (func (export "call_two") (result i32)
        (call_indirect $t (type $two) (f64.const 5) (i32.const 0)))
    (func (export "fine") (result i32) (i32.const 42))
)"#;

/// Whatever loops is stopped, and the store works afterwards.
#[test]
fn loops_are_stopped() {
    let (mut store, instance) = instance(LOOPS);
    let fine = instance.get_typed_func::<(), i32>(&mut store, "fine").expect("exported");
    for name in ["spin", "count", "calls", "recurses", "tail", "fills", "grows", "tables"] {
        let run = instance.get_typed_func::<(), ()>(&mut store, name).expect("exported");
        for _ in 0..25 {
            let thread = soon(store.interrupt_handle());
            assert_interrupted(run.call(&mut store, ()));
            thread.join().expect("no panic");
            assert_eq!(fine.call(&mut store, ()).expect("not interrupted"), 42);
        }
    }
}

/// An entry of a table that is being written is one that was written, or null.
#[test]
fn table_entries_are_whole() {
    let (mut store, instance) = instance(LOOPS);
    let run = instance.get_typed_func::<(), ()>(&mut store, "tables").expect("exported");
    let mut outcomes = [0; 3];
    for _ in 0..200 {
        let thread = soon(store.interrupt_handle());
        assert_interrupted(run.call(&mut store, ()));
        thread.join().expect("no panic");
        let mut call = |name: &str| {
            let func = instance.get_typed_func::<(), i32>(&mut store, name).expect("exported");
            func.call(&mut store, ())
                .map_err(|error| *error.downcast_ref::<Trap>().expect("a trap"))
        };
        match (call("call_one"), call("call_two")) {
            (Ok(1), Err(Trap::BadSignature)) => outcomes[0] += 1,
            (Err(Trap::BadSignature), Ok(2)) => outcomes[1] += 1,
            (Err(Trap::IndirectCallToNull), Err(Trap::IndirectCallToNull)) => outcomes[2] += 1,
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(outcomes.iter().sum::<i32>(), 200);
}

/// Calls through a table of one type look at no type; there too an entry that is being written is null. Otherwise a
/// function could run with what belongs to another instance.
#[test]
fn entries_of_typed_tables_are_whole() {
    let (mut store, first) = instance(
        r#"(module (global $g i64 (i64.const 1)) (func (export "f") (result i64) (global.get $g)))"#,
    );
    let text = r#"(module
        (type $t (func (result i64)))
        (import "" "f" (func $other (type $t)))
        (global $g i64 (i64.const 2))
        (func $own (type $t) (global.get $g))
        (elem declare func $own $other)
        (table $nullable 1 (ref null $t))
        (table $full 1 (ref $t) (ref.func $own))
        (func (export "run") (loop $l
            (table.set $nullable (i32.const 0) (ref.func $own))
            (table.set $full (i32.const 0) (ref.func $own))
            (table.set $nullable (i32.const 0) (ref.func $other))
            (table.set $full (i32.const 0) (ref.func $other))
            (br $l)))
        (func (export "nullable") (result i64) (call_indirect $nullable (type $t) (i32.const 0)))
        (func (export "full") (result i64) (call_indirect $full (type $t) (i32.const 0))))"#;
    let import = first.get_export(&mut store, "f").expect("exported");
    let instance = super::instantiate(&mut store, text, &[import]);
    let run = instance.get_typed_func::<(), ()>(&mut store, "run").expect("exported");
    for _ in 0..300 {
        let thread = soon(store.interrupt_handle());
        assert_interrupted(run.call(&mut store, ()));
        thread.join().expect("no panic");
        for name in ["nullable", "full"] {
            let func = instance.get_typed_func::<(), i64>(&mut store, name).expect("exported");
            match func.call(&mut store, ()) {
                Ok(value) => assert!(value == 1 || value == 2, "{value:#x}"),
                Err(error) => assert_eq!(
                    error.downcast_ref::<Trap>(),
                    Some(&Trap::IndirectCallToNull),
                    "{error:?}"
                ),
            }
        }
    }
}

/// The frames of functions that make room for a tail call's arguments are not complete at first: what the guest has left on
/// the stack is not taken for frames.
#[test]
fn incomplete_frames() {
    let many = "i64 ".repeat(60);
    let litter: String =
        (0..60).map(|i| format!("(i64.const {:#x})", 0x4242_4242_4242_0000_u64 + i * 8)).collect();
    let text = format!(
        r#"(module
            (func $takes (param {many})
                (if (i64.eqz (local.get 50)) (then (unreachable))))
            (func $litters (call $takes {litter}))
            (func $makes_room (param i32)
                (if (local.get 0) (then (return_call $takes {litter}))))
            (func (export "run") (loop $l
                (call $litters) (call $makes_room (i32.const 0)) (br $l))))"#
    );
    let (mut store, instance) = instance(&text);
    let run = instance.get_typed_func::<(), ()>(&mut store, "run").expect("exported");
    for _ in 0..1000 {
        let thread = soon(store.interrupt_handle());
        assert_interrupted(run.call(&mut store, ()));
        thread.join().expect("no panic");
    }
}

/// A guest that is hardly ever in its own code.
#[test]
fn guests_that_wait() {
    let mut linker: Linker<()> = Linker::new(&Engine::default());
    let engine = linker.engine().clone();
    let sleep = || thread::sleep(Duration::from_millis(5));
    linker.func_wrap("host", "sleep", sleep).expect("no duplicates");
    let text = r#"(module (import "host" "sleep" (func $sleep)) (memory 1000)
        (func (export "sleeps") (loop $l (call $sleep) (br $l)))
        (func (export "fills") (loop $l
            (memory.fill (i32.const 0) (i32.const 7) (i32.const 65536000)) (br $l)))
        (func (export "copies") (loop $l
            (memory.copy (i32.const 0) (i32.const 5) (i32.const 65000000)) (br $l))))"#;
    let module = Module::new(&engine, text).expect("valid");
    let mut store = Store::new(&engine, ());
    let instance = linker.instantiate(&mut store, &module).expect("it links");
    for name in ["sleeps", "fills", "copies"] {
        let run = instance.get_typed_func::<(), ()>(&mut store, name).expect("exported");
        for _ in 0..5 {
            let thread = soon(store.interrupt_handle());
            let start = Instant::now();
            assert_interrupted(run.call(&mut store, ()));
            assert!(start.elapsed() < Duration::from_secs(5), "{name}");
            thread.join().expect("no panic");
        }
    }
}

#[test]
fn the_place_is_told() {
    let (mut store, instance) = instance(
        r#"(module
            (func $inner (loop $l (br $l)))
            (func $outer (export "run") (call $inner)))"#,
    );
    let run = instance.get_typed_func::<(), ()>(&mut store, "run").expect("exported");
    let thread = soon(store.interrupt_handle());
    let error = run.call(&mut store, ()).expect_err("an interrupt");
    thread.join().expect("no panic");
    let backtrace = error.downcast_ref::<WasmBacktrace>().expect("a backtrace");
    let names: Vec<_> = backtrace.frames().iter().map(|frame| frame.func_name()).collect();
    assert_eq!(names, [Some("inner"), Some("outer")]);
}

/// A request for a store that runs nothing is for its next call, once.
#[test]
fn the_next_call() {
    let (mut store, instance) = instance(LOOPS);
    let fine = instance.get_typed_func::<(), i32>(&mut store, "fine").expect("exported");
    for warm in [false, true, true] {
        if warm {
            assert_eq!(fine.call(&mut store, ()).expect("not interrupted"), 42);
        }
        let handle = store.interrupt_handle();
        handle.interrupt();
        handle.interrupt();
        assert_interrupted(fine.call(&mut store, ()));
        assert_eq!(fine.call(&mut store, ()).expect("only once"), 42);
    }
    // What the host notices is not there for the next call.
    store.check_interrupt().expect("not interrupted");
    store.interrupt_handle().interrupt();
    assert_interrupted(store.check_interrupt());
    store.check_interrupt().expect("only once");
    assert_eq!(fine.call(&mut store, ()).expect("not interrupted"), 42);
    let handle = store.interrupt_handle();
    drop(store);
    handle.interrupt();
}

/// Host functions run on; the wasm behind them is stopped.
#[test]
fn host_functions_run_on() {
    let engine = Engine::default();
    let mut linker: Linker<()> = Linker::new(&engine);
    let (finished, started) = (Arc::new(AtomicU32::new(0)), Arc::new(AtomicBool::new(false)));
    let (count, flag) = (finished.clone(), started.clone());
    linker
        .func_wrap("host", "slow", move || {
            flag.store(true, Ordering::SeqCst);
            thread::sleep(Duration::from_millis(30));
            count.fetch_add(1, Ordering::SeqCst);
        })
        .expect("no duplicates");
    let text = r#"(module (import "host" "slow" (func $slow))
        (func (export "run") (call $slow) (loop $l (br $l))))"#;
    let module = Module::new(&engine, text).expect("valid");
    let mut store = Store::new(&engine, ());
    let instance = linker.instantiate(&mut store, &module).expect("it links");
    let run = instance.get_typed_func::<(), ()>(&mut store, "run").expect("exported");
    let handle = store.interrupt_handle();
    let thread = thread::spawn(move || {
        while !started.load(Ordering::SeqCst) {
            thread::yield_now();
        }
        handle.interrupt();
    });
    assert_interrupted(run.call(&mut store, ()));
    thread.join().expect("no panic");
    assert_eq!(finished.load(Ordering::SeqCst), 1);
}

/// Of several stores on several threads, the one that was meant.
#[test]
fn only_the_store_that_was_meant() {
    let (sender, stores) = mpsc::channel();
    let ends = Arc::new(AtomicU32::new(0));
    let threads: Vec<_> = (0..4)
        .map(|number| {
            let (sender, ends) = (sender.clone(), ends.clone());
            thread::spawn(move || {
                let (mut store, instance) = instance(LOOPS);
                let spin = instance.get_typed_func::<(), ()>(&mut store, "spin").expect("exported");
                sender.send((number, store.interrupt_handle())).expect("somebody waits");
                assert_interrupted(spin.call(&mut store, ()));
                ends.fetch_add(1, Ordering::SeqCst);
            })
        })
        .collect();
    let mut handles: Vec<_> = (0..4).map(|_| stores.recv().expect("four")).collect();
    handles.sort_by_key(|(number, _)| *number);
    for (number, thread) in threads.into_iter().enumerate() {
        assert_eq!(ends.load(Ordering::SeqCst) as usize, number);
        handles[number].1.interrupt();
        thread.join().expect("no panic");
    }
}

/// Also while a function is being compiled, which is called for the first time.
#[test]
fn functions_compiled_on_demand() {
    let mut config = Config::new();
    config.compilation(Compilation::Lazy);
    let engine = Engine::new(&config).expect("it works");
    // Enough code for the request to come while it is compiled.
    let body =
        "(i32.store (i32.const 0) (i32.add (i32.load (i32.const 0)) (i32.const 3)))".repeat(500);
    let text = format!(
        r#"(module (memory 1)
            (func $f (loop $l {body} (br $l)))
            (func (export "run") (call $f)))"#
    );
    for delay in [0, 500, 1000, 3000, 10_000] {
        let module = Module::new(&engine, &text).expect("valid");
        let mut store = Store::new(&engine, ());
        let instance = Instance::new(&mut store, &module, &[]).expect("no imports");
        let run: TypedFunc<(), ()> = instance.get_typed_func(&mut store, "run").expect("exported");
        let handle = store.interrupt_handle();
        let thread = thread::spawn(move || {
            thread::sleep(Duration::from_micros(delay));
            handle.interrupt();
        });
        assert_interrupted(run.call(&mut store, ()));
        thread.join().expect("no panic");
    }
}

/// Requests at all moments of short calls: each call ends as it should or by the interrupt.
#[test]
fn requests_at_any_moment() {
    let (mut store, instance) = instance(LOOPS);
    let fine = instance.get_typed_func::<(), i32>(&mut store, "fine").expect("exported");
    let (handle, stop) = (store.interrupt_handle(), Arc::new(AtomicBool::new(false)));
    let stopped = stop.clone();
    let thread = thread::spawn(move || {
        let mut requests = 0;
        while !stopped.load(Ordering::SeqCst) {
            handle.interrupt();
            requests += 1;
            thread::sleep(Duration::from_micros(requests % 70));
        }
        requests
    });
    let (mut done, mut interrupted) = (0, 0);
    let start = Instant::now();
    while start.elapsed() < Duration::from_millis(500) {
        match fine.call(&mut store, ()) {
            Ok(value) => {
                assert_eq!(value, 42);
                done += 1;
            }
            error => {
                assert_interrupted(error);
                interrupted += 1;
            }
        }
    }
    stop.store(true, Ordering::SeqCst);
    let requests = thread.join().expect("no panic");
    assert!(done > 0 && interrupted > 0 && interrupted <= requests, "{done} {interrupted}");
}

#[test]
fn waiting_for_a_shared_memory() {
    let text = r#"(module (memory (export "m") 1 1 shared)
        (func (export "run") (result i32)
            (memory.atomic.wait32 (i32.const 0) (i32.const 0) (i64.const -1)))
        (func (export "run64") (result i32)
            (memory.atomic.wait64 (i32.const 8) (i64.const 0) (i64.const -1)))
        (func (export "fine") (result i32) (i32.const 42)))"#;
    let engine = Engine::default();
    let module = Module::new(&engine, text).unwrap();
    let mut store = Store::new(&engine, ());
    let instance = Instance::new(&mut store, &module, &[]).unwrap();
    let fine = instance.get_typed_func::<(), i32>(&mut store, "fine").unwrap();
    for name in ["run", "run64"] {
        let run = instance.get_typed_func::<(), i32>(&mut store, name).unwrap();
        for _ in 0..20 {
            let thread = soon(store.interrupt_handle());
            assert_interrupted(run.call(&mut store, ()));
            thread.join().unwrap();
            assert_eq!(fine.call(&mut store, ()).expect("not interrupted"), 42);
        }
    }
    // Nobody is left in the queue.
    let memory = instance.get_shared_memory(&mut store, "m").unwrap();
    assert_eq!(memory.atomic_notify(0, u32::MAX).unwrap(), 0);
}
