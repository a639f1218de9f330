//! Modules and embedders that do not fit.

use super::{Host, linker, no_wasi};
use palisade::{Caller, Engine, Linker, Module, SharedMemory, Store, StoreLimitsBuilder};
use palisade_wasi::WasiThreadsBuilder;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};

/// What a module with these items instead of the usual ones gives.
#[track_caller]
fn refused(items: &str) -> String {
    let engine = Engine::default();
    let module = Module::new(&engine, format!("(module {items})")).unwrap();
    let mut store = Store::new(&engine, Host::new(no_wasi()));
    let built = WasiThreadsBuilder::new().build(&mut store, &linker(&engine), &module);
    format!("{:#}", built.unwrap_err())
}

const SPAWN: &str = r#"(import "wasi" "thread-spawn" (func (param i32) (result i32)))"#;
const MEMORY: &str = r#"(import "env" "memory" (memory 1 1 shared))"#;
const ENTRY: &str = r#"(func (export "wasi_thread_start") (param i32 i32))"#;

#[test]
fn modules_that_lack_something() {
    for (items, expected) in [
        (format!("{MEMORY} {SPAWN}"), "no function `wasi_thread_start`"),
        (
            format!(r#"{MEMORY} {SPAWN} (func (export "wasi_thread_start") (param i32))"#),
            "`wasi_thread_start` is not a function with two parameters",
        ),
        (
            format!(r#"{MEMORY} {SPAWN} (global (export "wasi_thread_start") i32 (i32.const 0))"#),
            "`wasi_thread_start` is not a function with two parameters",
        ),
        (format!("{SPAWN} {ENTRY}"), "no shared memory"),
        (format!(r#"{SPAWN} {ENTRY} (memory (export "memory") 1 1 shared)"#), "no shared memory"),
        (format!(r#"{SPAWN} (import "env" "memory" (memory 1)) {ENTRY}"#), "no shared memory"),
        (format!(r#"{MEMORY} {SPAWN} (import "x" "y" (func)) {ENTRY}"#), "unknown import"),
    ] {
        let message = refused(&items);
        assert!(message.contains(expected), "{items}: {message}");
    }
    // What does not start threads need not be made for them.
    let engine = Engine::default();
    let mut store = Store::new(&engine, Host::new(no_wasi()));
    for items in ["", MEMORY, r#"(memory (export "memory") 1)"#] {
        let module = Module::new(&engine, format!("(module {items})")).unwrap();
        let mut builder = WasiThreadsBuilder::new();
        let threads = builder.build(&mut store, &linker(&engine), &module).unwrap();
        threads.instantiate(&mut store).unwrap();
        threads.wait().unwrap();
    }
    // Without a builder, the error says where threads come from.
    let module = Module::new(&engine, format!("(module {MEMORY} {SPAWN} {ENTRY})")).unwrap();
    let error = linker(&engine).instantiate(&mut store, &module).unwrap_err();
    assert!(format!("{error:#}").contains("WasiThreadsBuilder"), "{error:#}");
}

#[test]
fn imports_of_the_embedder() {
    let engine = Engine::default();
    let mut linker = linker(&engine);
    let mut store = Store::new(&engine, Host::new(no_wasi()));
    // Its own memory serves the guest.
    let memory = SharedMemory::new(&engine, palisade::MemoryType::shared(1, 1)).unwrap();
    linker.define(&store, "env", "memory", memory.clone()).unwrap();
    let text = format!(
        r#"(module {MEMORY} {SPAWN} (export "memory" (memory 0))
            (func (export "wasi_thread_start") (param i32 i32)))"#
    );
    let module = Module::new(&engine, text).unwrap();
    let threads = WasiThreadsBuilder::new().build(&mut store, &linker, &module).unwrap();
    let instance = threads.instantiate(&mut store).unwrap();
    let found = instance.get_shared_memory(&mut store, "memory").unwrap();
    assert_eq!(found.data().as_ptr(), memory.data().as_ptr());

    // What belongs to a store cannot.
    let text = format!(r#"(module {MEMORY} {SPAWN} (import "host" "f" (func)) {ENTRY})"#);
    let module = Module::new(&engine, text).unwrap();
    let func = palisade::Func::wrap(&mut store, || {});
    linker.define(&store, "host", "f", func).unwrap();
    let error = WasiThreadsBuilder::new().build(&mut store, &linker, &module).unwrap_err();
    assert!(error.to_string().contains("items of a store"), "{error}");
    let module = Module::new(&engine, r#"(module (import "host" "f" (func)))"#).unwrap();
    let threads = WasiThreadsBuilder::new().build(&mut store, &linker, &module).unwrap();
    threads.instantiate(&mut store).unwrap();
}

/// A thread whose instance cannot be made is not started, and the program goes on.
#[test]
fn stores_of_threads_are_prepared() {
    let prepared = Arc::new(AtomicU32::new(0));
    let count = prepared.clone();
    let mut builder = WasiThreadsBuilder::<Limited>::new();
    builder.prepare_store(move |store| {
        count.fetch_add(1, Ordering::Relaxed);
        store.limiter(|host| &mut host.limits);
    });
    #[derive(Clone)]
    struct Limited {
        limits: palisade::StoreLimits,
        calls: Arc<Mutex<Vec<u32>>>,
    }
    let engine = Engine::default();
    let mut linker = Linker::new(&engine);
    let call =
        |caller: Caller<'_, Limited>, arg: u32| caller.data().calls.lock().unwrap().push(arg);
    linker.func_wrap("host", "call", call).unwrap();
    let module = Module::new(
        &engine,
        format!(
            r#"(module {MEMORY}
                (import "wasi" "thread-spawn" (func $spawn (param i32) (result i32)))
                (import "host" "call" (func $call (param i32)))
                (table 100 funcref)
                (func (export "wasi_thread_start") (param i32 i32) (call $call (local.get 1)))
                (func (export "run") (param i32) (result i32) (call $spawn (local.get 0))))"#
        ),
    )
    .unwrap();
    let calls = Arc::new(Mutex::new(Vec::new()));
    let unlimited = StoreLimitsBuilder::new().build();
    let mut store = Store::new(&engine, Limited { limits: unlimited, calls: calls.clone() });
    let threads = builder.build(&mut store, &linker, &module).unwrap();
    let instance = threads.instantiate(&mut store).unwrap();
    let run = instance.get_typed_func::<u32, i32>(&mut store, "run").unwrap();
    assert!(run.call(&mut store, 1).unwrap() > 0);
    store.data_mut().limits = StoreLimitsBuilder::new().table_elements(99).build();
    assert_eq!(run.call(&mut store, 2).unwrap(), -1);
    store.data_mut().limits = StoreLimitsBuilder::new().table_elements(100).build();
    assert!(run.call(&mut store, 3).unwrap() > 0);
    threads.wait().unwrap();
    assert_eq!(prepared.load(Ordering::Relaxed), 3);
    calls.lock().unwrap().sort_unstable();
    assert_eq!(*calls.lock().unwrap(), [1, 3]);
}

/// The limiter of the guest's store is asked for the memory that the host makes.
#[test]
fn memories_are_limited() {
    let engine = Engine::default();
    let module = Module::new(&engine, format!("(module {MEMORY} {SPAWN} {ENTRY})")).unwrap();
    let linker = Linker::new(&engine);
    for (bytes, allowed) in [(65_535, false), (65_536, true)] {
        let limits = StoreLimitsBuilder::new().memory_size(bytes).build();
        let mut store = Store::new(&engine, limits);
        store.limiter(|limits| limits);
        let built = WasiThreadsBuilder::new().build(&mut store, &linker, &module);
        assert_eq!(built.is_ok(), allowed);
    }
}
