//! Memories of stores that are gone are used again: a new one must not show what an old one held.

use palisade::{Engine, Instance, Memory, MemoryType, Module, Store};

const PAGE: usize = 65536;

/// Pages at creation and after growth: every size up to 40 pages, in an order that mixes small and large.
fn sizes() -> impl Iterator<Item = (u32, u64)> {
    (0..240).map(|round| {
        let minimum = round * 17 % 40 + 1;
        let growth = if round % 3 == 0 { round * 7 % 23 } else { 0 };
        (minimum, u64::from(growth))
    })
}

/// Asserts that `memory` is zero but for `data` at `start`, then makes all of it dirty; again after growth.
fn check_and_spoil(
    store: &mut Store<()>,
    memory: Memory,
    growth: u64,
    (start, data): (usize, &[u8]),
) {
    let bytes = memory.data_mut(&mut *store);
    assert_eq!(&bytes[start..start + data.len()], data);
    bytes[start..start + data.len()].fill(0);
    assert_eq!(first_dirty(bytes), None, "{} pages", bytes.len() / PAGE);
    bytes.fill(0xdd);
    let old = bytes.len();
    memory.grow(&mut *store, growth).unwrap();
    let added = &mut memory.data_mut(store)[old..];
    assert_eq!(first_dirty(added), None, "{growth} pages more than {}", old / PAGE);
    added.fill(0xcc);
}

fn first_dirty(bytes: &[u8]) -> Option<usize> {
    bytes.iter().position(|byte| *byte != 0)
}

#[test]
fn memories_of_the_host_begin_as_zero() {
    let engine = Engine::default();
    for (minimum, growth) in sizes() {
        let mut store = Store::new(&engine, ());
        for _ in 0..3 {
            let memory = Memory::new(&mut store, MemoryType::new(minimum, None)).unwrap();
            check_and_spoil(&mut store, memory, growth, (0, b""));
        }
    }
}

#[test]
fn memories_of_guests_begin_with_their_data() {
    let engine = Engine::default();
    // Small data is copied; large data is an image from the second instance on.
    for len in [5, 64 << 10, 65_537] {
        let data = "p".repeat(len);
        for (minimum, growth) in sizes().filter(|(minimum, _)| *minimum > 2).step_by(3) {
            let text = format!(
                r#"(module (memory (export "memory") {minimum}) (data (i32.const 1000) "{data}"))"#
            );
            let module = Module::new(&engine, text).unwrap();
            for _ in 0..3 {
                let mut store = Store::new(&engine, ());
                let instance = Instance::new(&mut store, &module, &[]).unwrap();
                let memory = instance.get_memory(&mut store, "memory").unwrap();
                check_and_spoil(&mut store, memory, growth, (1000, data.as_bytes()));
            }
        }
    }
}

#[test]
fn size_of_a_reused_memory_is_its_own() {
    let engine = Engine::default();
    let text = |pages: u64| {
        format!(
            r#"(module (memory {pages})
                (func (export "load") (param i32) (result i32) (i32.load8_u (local.get 0))))"#
        )
    };
    let modules = [16, 2, 0, 1, 9].map(|pages| (pages, Module::new(&engine, text(pages)).unwrap()));
    for _ in 0..20 {
        for (pages, module) in &modules {
            let mut store = Store::new(&engine, ());
            let instance = Instance::new(&mut store, module, &[]).unwrap();
            let load = instance.get_typed_func::<u32, i32>(&mut store, "load").unwrap();
            let end = *pages as u32 * PAGE as u32;
            assert!(load.call(&mut store, end).is_err(), "{pages} pages");
            if *pages > 0 {
                assert_eq!(load.call(&mut store, end - 1).unwrap(), 0);
            }
        }
    }
}

/// A module with `pages` of memory and 5 bytes of data at each of `starts`, which are far from each other or not.
fn with_data(engine: &Engine, pages: u32, starts: &[usize]) -> Module {
    let data: String = starts
        .iter()
        .map(|start| format!("(data (i32.const {start}) \"\\de{:04x}\")", start % 65_536))
        .collect();
    let text = format!(r#"(module (memory (export "memory") {pages}) {data})"#);
    Module::new(engine, text).unwrap()
}

/// Memories of several modules in turns. Each is compared with that of the first instance, which nobody had before, and
/// which has no image. Most users change a little, some everything, some grow.
#[test]
fn modules_do_not_see_each_other() {
    let engine = Engine::default();
    let modules = [
        with_data(&engine, 1, &[]),
        with_data(&engine, 1, &[8]),
        with_data(&engine, 1, &[65530]),
        with_data(&engine, 20, &[70_000]),
        with_data(&engine, 20, &[0, 4090, 60_000]),
        with_data(&engine, 40, &[5, 1_500_000]),
        with_data(&engine, 70, &[4_500_000]),
    ];
    let fresh = modules.each_ref().map(|module| {
        let mut store = Store::new(&engine, ());
        let instance = Instance::new(&mut store, module, &[]).unwrap();
        instance.get_memory(&mut store, "memory").unwrap().data(&store).to_vec()
    });
    let mut random = 1_u64;
    let mut next = |bound: usize| {
        random =
            random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (random >> 33) as usize % bound
    };
    for round in 0..600 {
        // Sometimes several live at once, so that there are several spare ones.
        let mut stores = Vec::new();
        for _ in 0..1 + next(3) {
            // For a while two of them take turns, then all do.
            let which = next(if round % 100 < 50 { 2 } else { modules.len() });
            let mut store = Store::new(&engine, ());
            let instance = Instance::new(&mut store, &modules[which], &[]).unwrap();
            let memory = instance.get_memory(&mut store, "memory").unwrap();
            let bytes = memory.data_mut(&mut store);
            assert!(*bytes == fresh[which], "round {round}, module {which}");
            match next(4) {
                0 => bytes.fill(0xdd),
                1 => (0..bytes.len()).step_by(4096).for_each(|at| bytes[at] = 0xcc),
                _ => bytes[next(fresh[which].len())] = 0xbb,
            }
            let old = bytes.len();
            memory.grow(&mut store, next(3) as u64 * 5).unwrap();
            let added = &mut memory.data_mut(&mut store)[old..];
            assert_eq!(first_dirty(added), None, "round {round}, module {which}, grown");
            added.fill(0xaa);
            stores.push(store);
        }
    }
}

#[test]
fn threads_do_not_see_each_other() {
    let engine = Engine::default();
    let modules = [with_data(&engine, 2, &[100]), with_data(&engine, 3, &[70_000])];
    std::thread::scope(|scope| {
        for thread in 0..4 {
            let (engine, modules) = (&engine, &modules);
            scope.spawn(move || {
                for round in 0..300 {
                    let mut store = Store::new(engine, ());
                    let which = (round / (thread + 1)) % 2;
                    let instance = Instance::new(&mut store, &modules[which], &[]).unwrap();
                    let memory = instance.get_memory(&mut store, "memory").unwrap();
                    let bytes = memory.data_mut(&mut store);
                    let dirty = bytes.iter().filter(|byte| **byte != 0).count();
                    assert_eq!(dirty, 5, "thread {thread}, round {round}");
                    bytes.fill(thread as u8 + 1);
                }
            });
        }
    });
}

/// A memory of a failed instantiation goes back when the store does, written by then.
#[test]
fn failed_instances_leave_nothing() {
    let engine = Engine::default();
    let text = r#"(module (memory (export "memory") 2) (data (i32.const 0) "first") (start $s)
        (func $s (i32.store (i32.const 70000) (i32.load (i32.const 0)))
            (i32.store (i32.const 0) (i32.const -1)) (drop (memory.grow (i32.const 1)))
            (i32.store (i32.const 131072) (i32.const -1)) unreachable))"#;
    let fails = Module::new(&engine, text).unwrap();
    let succeeds = with_data(&engine, 2, &[9]);
    for _ in 0..10 {
        let mut store = Store::new(&engine, ());
        Instance::new(&mut store, &fails, &[]).unwrap_err();
        drop(store);
        let mut store = Store::new(&engine, ());
        let instance = Instance::new(&mut store, &succeeds, &[]).unwrap();
        let memory = instance.get_memory(&mut store, "memory").unwrap();
        memory.grow(&mut store, 1).unwrap();
        assert_eq!(memory.data(&store).iter().filter(|byte| **byte != 0).count(), 5);
    }
}
