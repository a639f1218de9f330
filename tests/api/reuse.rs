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
