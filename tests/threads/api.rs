//! `SharedMemory` and its kin, as embedders use them.

use crate::{Guest, PAGE, engine, shared};
use palisade::{Extern, ExternType, Instance, Linker, MemoryType, Module, SharedMemory, Store};
use std::cell::UnsafeCell;

fn assert_thread_safe<T: Send + Sync + Clone>() {}

#[test]
fn many_threads_may_have_it() {
    assert_thread_safe::<SharedMemory>();
    assert_thread_safe::<Extern>();
}

#[test]
fn a_new_memory() {
    let memory = shared(&engine(), 2, 5);
    assert_eq!(memory.ty(), MemoryType::shared(2, 5));
    assert_eq!((memory.size(), memory.page_size()), (2, PAGE));
    assert_eq!(memory.data_size(), 2 * PAGE as usize);
    let data: &[UnsafeCell<u8>] = memory.data();
    assert_eq!(data.len(), 2 * PAGE as usize);
    let first = data.as_ptr();
    assert_eq!(memory.grow(3).unwrap(), 2);
    // A view made before is as it was, and the new one begins at the same place.
    assert_eq!((data.len(), memory.data().len()), (2 * PAGE as usize, 5 * PAGE as usize));
    assert_eq!(memory.data().as_ptr(), first);
    assert_eq!(memory.clone().data().as_ptr(), first);
    assert!(format!("{memory:?}").contains("memory 2 5 shared"));
}

#[test]
fn copies() {
    let memory = shared(&engine(), 1, 2);
    let (end, mut buffer) = (memory.data_size(), [0; 11]);
    for at in [0, 1, 13, end - 11] {
        memory.write(at, b"hello world").unwrap();
        memory.read(at, &mut buffer).unwrap();
        assert_eq!(&buffer, b"hello world");
    }
    for at in [end - 10, end, end + 1, usize::MAX - 5, usize::MAX] {
        assert!(memory.write(at, b"hello there").is_err());
        assert!(memory.read(at, &mut buffer).is_err());
    }
    assert_eq!(&buffer, b"hello world");
    memory.write(end, b"").unwrap();
    memory.read(end - 1, &mut buffer[..1]).unwrap();
    assert_eq!(buffer[0], b'd');
    memory.grow(1).unwrap();
    memory.write(end - 5, b"hello there").unwrap();
    memory.read(end - 5, &mut buffer).unwrap();
    assert_eq!(&buffer, b"hello there");
}

#[test]
fn exports() {
    let engine = engine();
    let module = Module::new(
        &engine,
        r#"(module
            (memory (export "own") 1 2 shared)
            (memory (export "plain") 1 2))"#,
    )
    .unwrap();
    let mut store = Store::new(&engine, ());
    let instance = Instance::new(&mut store, &module, &[]).unwrap();
    assert!(instance.get_memory(&mut store, "own").is_none());
    assert!(instance.get_shared_memory(&mut store, "plain").is_none());
    assert!(instance.get_memory(&mut store, "plain").is_some());
    let memory = instance.get_shared_memory(&mut store, "own").unwrap();
    assert_eq!(memory.size(), 1);
    let export = instance.get_export(&mut store, "own").unwrap();
    assert!(matches!(&export, Extern::SharedMemory(_)));
    let ExternType::Memory(ty) = export.ty(&store) else { panic!("a memory") };
    assert_eq!(ty, MemoryType::shared(1, 2));
    assert_eq!(export.into_shared_memory().unwrap().data().as_ptr(), memory.data().as_ptr());
    let exports: Vec<bool> =
        instance.exports(&mut store).map(|export| export.into_shared_memory().is_some()).collect();
    assert_eq!(exports, [true, false]);
}

/// One linker with a shared memory serves stores on different threads.
#[test]
fn linkers() {
    let engine = engine();
    let mut linker: Linker<()> = Linker::new(&engine);
    let memory = shared(&engine, 1, 1);
    linker.define(Store::new(&engine, ()), "host", "memory", memory.clone()).unwrap();
    let module = Module::new(
        &engine,
        r#"(module
            (import "host" "memory" (memory 1 1 shared))
            (export "memory" (memory 0))
            (func (export "count") (result i32) (i32.atomic.rmw.add (i32.const 0) (i32.const 1))))"#,
    )
    .unwrap();
    let pre = linker.instantiate_pre(&module).unwrap();
    let mut counts: Vec<i32> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..4)
            .map(|_| {
                scope.spawn(|| {
                    let mut store = Store::new(&engine, ());
                    let instance = pre.instantiate(&mut store).unwrap();
                    let found = instance.get_shared_memory(&mut store, "memory").unwrap();
                    assert_eq!(found.data().as_ptr(), memory.data().as_ptr());
                    let count = instance.get_typed_func::<(), i32>(&mut store, "count").unwrap();
                    count.call(&mut store, ()).unwrap()
                })
            })
            .collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    counts.sort();
    assert_eq!(counts, [0, 1, 2, 3]);
    let mut store = Store::new(&engine, ());
    let found = linker.get(&mut store, "host", "memory").unwrap().into_shared_memory().unwrap();
    assert_eq!(found.data().as_ptr(), memory.data().as_ptr());
}

/// A store knows a shared memory once, however many of its instances use it.
#[test]
fn instances_of_one_store() {
    let engine = engine();
    let guest = Guest::new(
        &engine,
        r#"(export "memory" (memory 0))
        (func (export "count") (result i32) (i32.atomic.rmw.add (i32.const 0) (i32.const 1)))"#,
    );
    let mut store = Store::new(&engine, palisade::StoreLimitsBuilder::new().memories(1).build());
    store.limiter(|limits| limits);
    for expected in 0..10 {
        let imports = [guest.memory.clone().into()];
        let instance = Instance::new(&mut store, &guest.module, &imports).unwrap();
        let count = instance.get_typed_func::<(), i32>(&mut store, "count").unwrap();
        assert_eq!(count.call(&mut store, ()).unwrap(), expected);
    }
}

/// Active segments are written by every instance; there are no images of shared memories.
#[test]
fn segments() {
    let engine = engine();
    let bytes = "x".repeat(100_000);
    let text = format!(
        r#"(module
            (memory (export "memory") 3 3 shared)
            (data (i32.const 8) "{bytes}")
            (func (export "load") (param i32) (result i32) (i32.load8_u (local.get 0)))
            (func (export "store") (param i32 i32) (i32.store8 (local.get 0) (local.get 1))))"#
    );
    let module = Module::new(&engine, &text).unwrap();
    for _ in 0..3 {
        let mut store = Store::new(&engine, ());
        let instance = Instance::new(&mut store, &module, &[]).unwrap();
        let load = instance.get_typed_func::<i32, i32>(&mut store, "load").unwrap();
        let store_byte = instance.get_typed_func::<(i32, i32), ()>(&mut store, "store").unwrap();
        for (place, expected) in [(7, 0), (8, 120), (100_007, 120), (100_008, 0)] {
            assert_eq!(load.call(&mut store, place).unwrap(), expected);
        }
        store_byte.call(&mut store, (9, 1)).unwrap();
        store_byte.call(&mut store, (7, 1)).unwrap();
    }

    let guest = Guest::new(
        &engine,
        r#"(data (i32.const 65532) "\01\02\03\04")
        (func (export "swap") (param i32) (result i32)
            (i32.atomic.rmw.xchg (i32.const 65532) (local.get 0)))"#,
    );
    // The second instance writes the segment again, also over what the first has done.
    assert_eq!(guest.call::<_, i32>("swap", 5).unwrap(), 0x0403_0201);
    assert_eq!(guest.call::<_, i32>("swap", 6).unwrap(), 0x0403_0201);

    let outside = r#"(module (import "" "" (memory 1 1 shared)) (data (i32.const 65533) "1234"))"#;
    let module = Module::new(&engine, outside).unwrap();
    let made = Instance::new(&mut Store::new(&engine, ()), &module, &[guest.memory.into()]);
    assert_eq!(made.unwrap_err().downcast_ref(), Some(&palisade::Trap::MemoryOutOfBounds));
}
