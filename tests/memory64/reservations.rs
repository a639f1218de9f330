//! How much address space memories take, and what happens when there is not enough.

use crate::{PAGE, config, instance, instantiate};
use palisade::{Engine, Memory, MemoryType, Store};
use palisade_tests::alone;

/// Bytes of address space of this process.
fn address_space() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmSize:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() << 10
}

#[test]
fn a_small_maximum_reserves_little() {
    alone("reservations::a_small_maximum_reserves_little", None, || {
        let mut store = Store::new(&Engine::default(), ());
        Memory::new(&mut store, MemoryType::new64(1, Some(16))).unwrap();
        let before = address_space();
        for _ in 0..10 {
            Memory::new(&mut store, MemoryType::new64(1, Some(16))).unwrap();
        }
        assert!(address_space() - before < 1 << 30);
        let before = address_space();
        Memory::new(&mut store, MemoryType::new64(1, Some((8 << 30) / PAGE))).unwrap();
        let taken = address_space() - before;
        assert!((8 << 30..9 << 30).contains(&taken), "{taken}");
    });
}

#[test]
fn the_reservation_can_be_chosen() {
    let mut config = config();
    config.memory_reservation(8 << 30);
    let mut store = Store::new(&Engine::new(&config).unwrap(), ());
    let open = Memory::new(&mut store, MemoryType::new64(0, None)).unwrap();
    assert!(open.grow(&mut store, (8 << 30) / PAGE + 1).is_err());
    assert_eq!(open.grow(&mut store, (8 << 30) / PAGE).unwrap(), 0);
    assert!(open.grow(&mut store, 1).is_err());
    // A minimum beyond it counts.
    let large = Memory::new(&mut store, MemoryType::new64((9 << 30) / PAGE, None)).unwrap();
    assert!(large.grow(&mut store, 1).is_err());
    // 32-bit memories need what they need.
    config.memory_reservation(0);
    let mut store = Store::new(&Engine::new(&config).unwrap(), ());
    let narrow = Memory::new(&mut store, MemoryType::new(0, None)).unwrap();
    assert_eq!(narrow.grow(&mut store, 65536).unwrap(), 0);
}

/// Where address space is short, memories without a maximum take less of it.
#[test]
fn address_space_is_short() {
    alone("reservations::address_space_is_short", Some(40), || {
        let mut store = Store::new(&Engine::default(), ());
        let text = r#"(module (memory (export "memory") i64 1)
            (func (export "load") (param i64) (result i32) (i32.load8_u (local.get 0))))"#;
        let guest = instance(&mut store, text, &[]);
        let memory = guest.get_memory(&mut store, "memory").unwrap();
        assert_eq!(memory.grow(&mut store, 70_000).unwrap(), 1);
        let load = guest.get_typed_func::<u64, u32>(&mut store, "load").unwrap();
        assert_eq!(load.call(&mut store, 70_000 * PAGE).unwrap(), 0);
        // More than there is can neither be grown into nor begun with.
        assert!(memory.grow(&mut store, (64 << 30) / PAGE).is_err());
        let message = "cannot reserve a memory of 1048576 pages: ";
        let error = instantiate(&mut store, "(module (memory i64 0x100000))", &[]).unwrap_err();
        assert!(format!("{error:#}").starts_with(message), "{error:#}");
        // Until nothing is left; then everything still works that needs no address space.
        let mut made = 0;
        while let Ok(memory) = Memory::new(&mut store, MemoryType::new(1, None)) {
            memory.data_mut(&mut store)[0] = 1;
            made += 1;
            assert!(made < 40);
        }
        let error = Memory::new(&mut store, MemoryType::new(1, None)).unwrap_err();
        assert!(format!("{error:#}").starts_with("cannot reserve a memory of 1 pages: "));
        assert_eq!(load.call(&mut store, 5).unwrap(), 0);
        drop(store);
        let mut store = Store::new(&Engine::default(), ());
        instance(&mut store, text, &[]);
    });
}

/// A thousand memories that could each use everything.
#[test]
fn many_without_a_maximum() {
    alone("reservations::many_without_a_maximum", None, || {
        let mut store = Store::new(&Engine::default(), ());
        let memories: Vec<_> = (0..1000)
            .map(|_| Memory::new(&mut store, MemoryType::new64(1, None)).unwrap())
            .collect();
        for memory in memories {
            assert_eq!(memory.grow(&mut store, 60_000).unwrap(), 1);
        }
        // The rest of the process has room too.
        let threads: Vec<_> = (0..50).map(|_| std::thread::spawn(|| vec![1; 1 << 20])).collect();
        threads.into_iter().for_each(|thread| assert_eq!(thread.join().unwrap().len(), 1 << 20));
    });
}
