//! Engines and modules are shared by threads; a store moves between them.

use palisade::{
    Caller, Engine, Error, Func, InstancePre, Linker, Memory, Module, Store, Trap, TypedFunc,
};
use std::sync::Barrier;

const THREADS: i32 = 8;

fn assert_send<T: Send>() {}
fn assert_sync<T: Sync>() {}

#[test]
fn types_can_be_shared() {
    assert_send::<Engine>();
    assert_sync::<Engine>();
    assert_send::<Module>();
    assert_sync::<Module>();
    assert_send::<Linker<std::cell::Cell<i32>>>();
    assert_sync::<Linker<std::cell::Cell<i32>>>();
    assert_send::<InstancePre<()>>();
    assert_sync::<InstancePre<()>>();
    assert_send::<Store<std::cell::Cell<i32>>>();
    assert_sync::<Store<i32>>();
    assert_send::<Func>();
    assert_send::<Memory>();
    assert_send::<TypedFunc<i32, i32>>();
    assert_sync::<TypedFunc<i32, i32>>();
    assert_send::<Error>();
    assert_sync::<Error>();
}

/// Sums the numbers below its parameter through memory and the host; traps at its end if told so.
const WORKER: &str = r#"(module
    (import "host" "id" (func $id (result i32)))
    (memory 1)
    (func (export "run") (param $n i32) (param $trap i32) (result i32)
        (loop $again
            (local.set $n (i32.sub (local.get $n) (i32.const 1)))
            (i32.store (i32.const 8) (i32.add (i32.load (i32.const 8)) (local.get $n)))
            (br_if $again (local.get $n)))
        (if (local.get $trap) (then (drop (i32.load (i32.const -1)))))
        (i32.add (i32.load (i32.const 8)) (call $id))))"#;

fn linker(engine: &Engine) -> Linker<i32> {
    let mut linker = Linker::new(engine);
    linker.func_wrap("host", "id", |caller: Caller<'_, i32>| *caller.data()).unwrap();
    linker
}

#[test]
fn threads_share_a_module() {
    let engine = Engine::default();
    let module = Module::new(&engine, WORKER).unwrap();
    let linker = linker(&engine);
    let barrier = Barrier::new(THREADS as usize);
    std::thread::scope(|scope| {
        for id in 0..THREADS {
            let (engine, module, linker, barrier) = (&engine, &module, &linker, &barrier);
            scope.spawn(move || {
                barrier.wait();
                for _ in 0..50 {
                    let mut store = Store::new(engine, id);
                    let instance = linker.instantiate(&mut store, module).unwrap();
                    let run =
                        instance.get_typed_func::<(i32, i32), i32>(&mut store, "run").unwrap();
                    assert_eq!(run.call(&mut store, (1000, 0)).unwrap(), 499_500 + id);
                    let error = run.call(&mut store, (10, 1)).unwrap_err();
                    assert_eq!(error.downcast_ref(), Some(&Trap::MemoryOutOfBounds));
                }
            });
        }
    });
}

#[test]
fn threads_compile_side_by_side() {
    let engine = Engine::default();
    std::thread::scope(|scope| {
        for id in 0..THREADS {
            let engine = &engine;
            scope.spawn(move || {
                for round in 0..20 {
                    // The type is new to the engine in each round, but shared by the threads.
                    let params = "i64 ".repeat(round);
                    let text = format!(
                        r#"(module (func $f (param {params}) (result i32) (i32.const {id}))
                            (func (export "f") (result i32) {} (call $f)))"#,
                        "(i64.const 1)".repeat(round)
                    );
                    let module = Module::new(engine, text).unwrap();
                    let mut store = Store::new(engine, ());
                    let instance = palisade::Instance::new(&mut store, &module, &[]).unwrap();
                    let f = instance.get_typed_func::<(), i32>(&mut store, "f").unwrap();
                    assert_eq!(f.call(&mut store, ()).unwrap(), id);
                }
            });
        }
    });
}

#[test]
fn stores_move_between_threads() {
    let engine = Engine::default();
    let module = Module::new(&engine, WORKER).unwrap();
    let linker = linker(&engine);
    let mut store = Store::new(&engine, 7);
    let instance = linker.instantiate(&mut store, &module).unwrap();
    let run = instance.get_typed_func::<(i32, i32), i32>(&mut store, "run").unwrap();
    for round in 1..=10 {
        // Each thread adds 0 + 1 + ... + 9 to the sum of its predecessors, and is stopped by a trap.
        store = std::thread::spawn(move || {
            let error = run.call(&mut store, (10, 1)).unwrap_err();
            assert_eq!(error.downcast_ref(), Some(&Trap::MemoryOutOfBounds));
            store
        })
        .join()
        .unwrap();
        let mut here = || run.call(&mut store, (1, 0)).unwrap();
        assert_eq!(here(), 45 * round + 7);
    }
}

#[test]
fn thread_may_be_left_with_a_store_in_use() {
    let engine = Engine::default();
    let module = Module::new(&engine, WORKER).unwrap();
    let linker = linker(&engine);
    let mut store = Store::new(&engine, 0);
    let instance = linker.instantiate(&mut store, &module).unwrap();
    // The store, its instance and the thread that made their first call end in three different places.
    let run = std::thread::spawn(move || {
        let run = instance.get_typed_func::<(i32, i32), i32>(&mut store, "run").unwrap();
        assert_eq!(run.call(&mut store, (4, 0)).unwrap(), 6);
        (store, run)
    });
    let (mut store, run) = run.join().unwrap();
    drop((module, linker, engine));
    assert_eq!(run.call(&mut store, (4, 0)).unwrap(), 12);
    std::thread::spawn(move || drop(store)).join().unwrap();
}

#[test]
fn threads_share_an_image() {
    let engine = Engine::default();
    let data = "i".repeat(100_000);
    let text = format!(r#"(module (memory (export "m") 2) (data (i32.const 0) "{data}"))"#);
    for _ in 0..10 {
        let module = Module::new(&engine, &text).unwrap();
        let barrier = Barrier::new(THREADS as usize);
        std::thread::scope(|scope| {
            for id in 0..THREADS as u8 {
                let (engine, module, barrier) = (&engine, &module, &barrier);
                scope.spawn(move || {
                    barrier.wait();
                    for _ in 0..5 {
                        let mut store = Store::new(engine, ());
                        let instance = palisade::Instance::new(&mut store, module, &[]).unwrap();
                        let memory = instance.get_memory(&mut store, "m").unwrap();
                        let bytes = memory.data_mut(&mut store);
                        assert!(bytes[..100_000].iter().all(|byte| *byte == b'i'));
                        assert!(bytes[100_000..].iter().all(|byte| *byte == 0));
                        bytes.fill(id);
                    }
                });
            }
        });
    }
}
