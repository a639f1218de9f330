//! Who keeps a shared memory alive, and that nobody does for ever.

use crate::{Guest, LONG, engine, shared};
use palisade::{Instance, Module, SharedMemory, Store, WaitResult};

#[test]
fn memories_outlive_their_stores() {
    let engine = engine();
    let module = Module::new(
        &engine,
        r#"(module
            (memory (export "memory") 1 2 shared)
            (data (i32.const 0) "\2a")
            (func (export "grow") (result i32) (memory.grow (i32.const 1))))"#,
    )
    .unwrap();
    let memory = {
        let mut store = Store::new(&engine, ());
        let instance = Instance::new(&mut store, &module, &[]).unwrap();
        let grow = instance.get_typed_func::<(), i32>(&mut store, "grow").unwrap();
        assert_eq!(grow.call(&mut store, ()).unwrap(), 1);
        instance.get_shared_memory(&mut store, "memory").unwrap()
    };
    assert_eq!(memory.size(), 2);
    assert_eq!(memory.atomic_wait32(0, 0x2b, None), Ok(WaitResult::Mismatch));
    let guest = Guest::with(
        &engine,
        "1 2",
        memory,
        r#"(func (export "load") (result i32) (i32.load (i32.const 0)))"#,
    );
    assert_eq!(guest.call::<_, i32>("load", ()).unwrap(), 0x2a);
}

/// A guest goes on using a memory that nobody else has any more.
#[test]
fn stores_outlive_handles() {
    let engine = engine();
    let guest = Guest::new(
        &engine,
        r#"(func (export "count") (result i32) (i32.atomic.rmw.add (i32.const 0) (i32.const 1)))"#,
    );
    let (mut store, instance) = guest.instance();
    drop(guest);
    let count = instance.get_typed_func::<(), i32>(&mut store, "count").unwrap();
    for expected in 0..3 {
        assert_eq!(count.call(&mut store, ()).unwrap(), expected);
    }
}

/// A thread waits in a memory whose other users go away; it ends by its timeout, and the memory with it.
#[test]
fn waiters_keep_memories() {
    let engine = engine();
    for _ in 0..20 {
        let memory = shared(&engine, 1, 1);
        let guest = Guest::with(
            &engine,
            "1 1",
            memory.clone(),
            r#"(func (export "wait") (result i32)
                (memory.atomic.wait32 (i32.const 0) (i32.const 0) (i64.const 2_000_000)))"#,
        );
        let (mut store, instance) = guest.instance();
        let wait = instance.get_typed_func::<(), i32>(&mut store, "wait").unwrap();
        let thread = std::thread::spawn(move || wait.call(&mut store, ()).unwrap());
        drop((memory, guest));
        assert_eq!(thread.join().unwrap(), 2);
    }
}

/// New memories are zero, also where one was that has gone.
#[test]
fn reused_memories_are_zero() {
    let engine = engine();
    let text = r#"
        (func (export "fill") (memory.fill (i32.const 0) (i32.const 255) (i32.const 65536)))
        (func (export "load") (param i32) (result i64) (i64.load (local.get 0)))"#;
    for _ in 0..50 {
        let guest = Guest::new(&engine, text);
        assert_eq!(guest.call::<_, i64>("load", 0).unwrap(), 0);
        assert_eq!(guest.call::<_, i64>("load", 65528).unwrap(), 0);
        guest.call::<_, ()>("fill", ()).unwrap();
    }
}

/// Mappings of this process.
fn mappings() -> usize {
    std::fs::read_to_string("/proc/self/maps").unwrap().lines().count()
}

/// Memories come and go, with stores, waiters and growth, in a process of its own: others would disturb the count.
#[test]
fn nothing_leaks() {
    palisade_tests::alone("lifetime::nothing_leaks", None, leak_nothing);
}

fn leak_nothing() {
    let engine = engine();
    let module = Module::new(
        &engine,
        r#"(module
            (import "" "memory" (memory 1 600 shared))
            (memory (export "own") 1 600 shared)
            (func (export "run") (result i32)
                (drop (memory.grow 0 (i32.const 30)))
                (drop (memory.grow 1 (i32.const 30)))
                (memory.atomic.wait32 0 (i32.const 0) (i32.const 0) (i64.const 1000))))"#,
    )
    .unwrap();
    let round = || {
        let memory = SharedMemory::new(&engine, palisade::MemoryType::shared(1, 600)).unwrap();
        let mut store = Store::new(&engine, ());
        let instance = Instance::new(&mut store, &module, &[memory.clone().into()]).unwrap();
        let own = instance.get_shared_memory(&mut store, "own").unwrap();
        let run = instance.get_typed_func::<(), i32>(&mut store, "run").unwrap();
        assert_eq!(run.call(&mut store, ()).unwrap(), 2);
        let waiter = std::thread::spawn(move || own.atomic_wait32(0, 1, Some(LONG)));
        drop(store);
        assert_eq!(waiter.join().unwrap(), Ok(WaitResult::Mismatch));
    };
    (0..50).for_each(|_| round());
    let before = mappings();
    (0..500).for_each(|_| round());
    let after = mappings();
    assert!(after <= before + 16, "mappings: {before} -> {after}");
}
