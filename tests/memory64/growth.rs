//! Growth and sizes, beyond 4 GiB and in single bytes.

use crate::{PAGE, assert_error, assert_trap, call, config, instance, instantiate, store, stores};
use palisade::{
    Engine, Error, Instance, Memory, MemoryType, ResourceLimiter, Result, Store, StoreLimits,
    StoreLimitsBuilder, Trap,
};

fn module(memory: &str, index: &str) -> String {
    format!(
        r#"(module
            (memory (export "memory") {memory})
            (func (export "size") (result {index}) (memory.size))
            (func (export "grow") (param {index}) (result {index}) (memory.grow (local.get 0)))
            (func (export "load") (param {index}) (result i64) (i64.load (local.get 0)))
            (func (export "load8") (param {index}) (result i32) (i32.load8_u (local.get 0)))
            (func (export "store") (param {index} i64) (i64.store (local.get 0) (local.get 1)))
            (func (export "far") (param {index}) (result i64)
                (i64.load offset=0x90000000 (local.get 0))))"#
    )
}

fn grow64<T>(store: &mut Store<T>, instance: Instance, delta: u64) -> i64 {
    call(store, instance, "grow", delta).unwrap()
}

fn size64<T>(store: &mut Store<T>, instance: Instance) -> u64 {
    call(store, instance, "size", ()).unwrap()
}

#[test]
fn beyond_4_gib() {
    let text = module("i64 1", "i64");
    for mut store in stores() {
        let guest = instance(&mut store, &text, &[]);
        let memory = guest.get_memory(&mut store, "memory").unwrap();
        let base = memory.data_ptr(&store);
        assert_eq!(grow64(&mut store, guest, 80_000), 1);
        assert_eq!(size64(&mut store, guest), 80_001);
        assert_eq!(memory.data_ptr(&store), base);
        let len = 80_001 * PAGE;
        assert_eq!(memory.data_size(&store) as u64, len);
        // Sparse: only what is touched occupies memory.
        for place in [1 << 32, (1 << 32) - 4, (1 << 32) + 0x1234_5678, len - 8] {
            call::<_, _, ()>(&mut store, guest, "store", (place, place + 77)).unwrap();
            assert_eq!(call::<_, _, u64>(&mut store, guest, "load", place).unwrap(), place + 77);
            let mut bytes = [0; 8];
            memory.read(&store, place as usize, &mut bytes).unwrap();
            assert_eq!(u64::from_le_bytes(bytes), place + 77);
        }
        // The same low 32 bits are another place.
        assert_eq!(call::<_, _, u64>(&mut store, guest, "load", 0x1234_5678_u64).unwrap(), 0);
        assert_eq!(call::<_, _, u64>(&mut store, guest, "load", 0_u64).unwrap(), 0);
        let far = (1 << 32) + 0x1234_5678 - 0x9000_0000_u64;
        assert_eq!(
            call::<_, _, u64>(&mut store, guest, "far", far).unwrap(),
            (1 << 32) + 0x1234_5678 + 77
        );
        for outside in [len - 7, len, len + (1 << 32), 1 << 40, 1 << 63, u64::MAX - 7, u64::MAX] {
            assert_trap(
                call::<_, _, u64>(&mut store, guest, "load", outside),
                Trap::MemoryOutOfBounds,
            );
        }
        assert_eq!(memory.grow(&mut store, 1).unwrap(), 80_001);
        assert_eq!(memory.size(&store), 80_002);
        assert_eq!(call::<_, _, u64>(&mut store, guest, "load", len).unwrap(), 0);
    }
}

#[test]
fn a_minimum_beyond_4_gib() {
    let mut store = store();
    let text = module("i64 70000", "i64");
    let text = format!("{} (data (i64.const 0x110000000) \"far away\"))", &text[..text.len() - 1]);
    let guest = instance(&mut store, &text, &[]);
    let expected = u64::from_le_bytes(*b"far away");
    assert_eq!(call::<_, _, u64>(&mut store, guest, "load", 0x1_1000_0000_u64).unwrap(), expected);
    let second = instance(&mut store, &text, &[]);
    assert_eq!(call::<_, _, u64>(&mut store, second, "load", 0x1_1000_0000_u64).unwrap(), expected);
}

#[test]
fn growth_that_cannot_be() {
    let mut store = store();
    let guest = instance(&mut store, &module("i64 1 0x1000000000000", "i64"), &[]);
    for delta in [u64::MAX, 1 << 63, 1 << 48, (1 << 48) - 1, 1 << 47, 1 << 40, 1 << 31] {
        assert_eq!(grow64(&mut store, guest, delta), -1, "{delta:#x}");
    }
    assert_eq!(size64(&mut store, guest), 1);
    assert_eq!(grow64(&mut store, guest, 9), 1);
    assert_eq!(grow64(&mut store, guest, 0), 10);
    let memory = guest.get_memory(&mut store, "memory").unwrap();
    assert!(memory.grow(&mut store, u64::MAX).is_err());
    assert!(memory.grow(&mut store, 1 << 47).is_err());
    assert_eq!(memory.size(&store), 10);
    assert_eq!(memory.ty(&store).maximum(), Some(1 << 48));

    let guest = instance(&mut store, &module("i64 1 3", "i64"), &[]);
    assert_eq!(grow64(&mut store, guest, 3), -1);
    assert_eq!(grow64(&mut store, guest, 2), 1);
    assert_eq!(grow64(&mut store, guest, 1), -1);
}

#[test]
fn minimums_that_cannot_be() {
    let mut store = store();
    // 2^64, 2^63, 2^56 and 2^47 bytes: more than there are addresses.
    for pages in ["0x1000000000000", "0x800000000000", "0x10000000000", "0x80000000"] {
        let result = instantiate(&mut store, &module(&format!("i64 {pages}"), "i64"), &[]);
        let message = format!("{:#}", result.unwrap_err());
        assert!(message.starts_with("cannot reserve a memory of "), "{message}");
    }
    let result = Memory::new(&mut store, MemoryType::new64(1 << 48, None));
    assert!(format!("{:#}", result.unwrap_err()).contains("281474976710656 pages"));
    assert_error(
        Memory::new(&mut store, MemoryType::new64(2, Some(1))),
        "memory of 2 pages exceeds its maximum of 1",
    );
    assert_error(
        Memory::new(&mut store, MemoryType::new64(u64::MAX, None)),
        "memory of 18446744073709551615 pages exceeds its maximum of 281474976710656",
    );
    assert!(
        instantiate(&mut store, &module("i64 0xffffffffffffffff (pagesize 1)", "i64"), &[])
            .is_err()
    );
    // The store is as good as new.
    instance(&mut store, &module("i64 1", "i64"), &[]);
}

#[test]
fn bytes_as_pages() {
    for mut store in stores() {
        let guest = instance(&mut store, &module("0 (pagesize 1)", "i32"), &[]);
        let memory = guest.get_memory(&mut store, "memory").unwrap();
        assert_eq!((memory.page_size(&store), memory.ty(&store).page_size_log2()), (1, 0));
        let mut expected = 0;
        for delta in [1_u32, 1, 6, 1, 0, 4086, 1, 1, 61440, 1, 100_000] {
            let old: u32 = call(&mut store, guest, "grow", delta).unwrap();
            assert_eq!(old, expected);
            expected += delta;
            assert_eq!(call::<_, _, u32>(&mut store, guest, "size", ()).unwrap(), expected);
            assert_eq!(
                (memory.size(&store), memory.data_size(&store)),
                (expected.into(), expected as usize)
            );
            // The last byte, new and zero; then no byte follows it.
            if delta > 0 {
                assert_eq!(call::<_, _, u32>(&mut store, guest, "load8", expected - 1).unwrap(), 0);
            }
            memory.data_mut(&mut store).fill(0xee);
            let next = call::<_, _, u32>(&mut store, guest, "load8", expected);
            assert_trap(next, Trap::MemoryOutOfBounds);
        }
        // Sizes are indices, so the last byte that an index could name is never there.
        let rest = u32::MAX - expected;
        assert_eq!(call::<_, _, i32>(&mut store, guest, "grow", rest + 1).unwrap(), -1);
        assert_eq!(call::<_, _, u32>(&mut store, guest, "grow", rest).unwrap(), expected);
        assert_eq!(call::<_, _, u32>(&mut store, guest, "size", ()).unwrap(), u32::MAX);
        assert_eq!(call::<_, _, u32>(&mut store, guest, "load8", u32::MAX - 1).unwrap(), 0);
        let last = call::<_, _, u32>(&mut store, guest, "load8", u32::MAX);
        assert_trap(last, Trap::MemoryOutOfBounds);
        assert_eq!(call::<_, _, i32>(&mut store, guest, "grow", 1_u32).unwrap(), -1);
    }
}

#[test]
fn bytes_as_pages_of_64_bits() {
    let mut store = store();
    let guest = instance(&mut store, &module("i64 5 (pagesize 1)", "i64"), &[]);
    assert_eq!(grow64(&mut store, guest, (5 << 30) + 1), 5);
    let len = (5 << 30) + 6;
    assert_eq!(size64(&mut store, guest), len);
    call::<_, _, ()>(&mut store, guest, "store", (len - 8, 99_u64)).unwrap();
    assert_eq!(call::<_, _, u64>(&mut store, guest, "load", len - 8).unwrap(), 99);
    assert_trap(call::<_, _, u64>(&mut store, guest, "load", len - 7), Trap::MemoryOutOfBounds);
    for delta in [u64::MAX, u64::MAX - len, 1 << 63, 1 << 47] {
        assert_eq!(grow64(&mut store, guest, delta), -1);
    }
}

/// A memory used again must not show what an earlier one left behind its last byte.
#[test]
fn bytes_grown_into_are_zero() {
    let mut store = store();
    for round in 0..40_u64 {
        let mut builder = MemoryType::builder();
        let ty = builder.min(1 + round * 331 % 5000).page_size_log2(0).build().unwrap();
        let mut other = Store::new(store.engine(), ());
        let memory = Memory::new(&mut other, ty).unwrap();
        assert!(memory.data(&other).iter().all(|byte| *byte == 0));
        memory.data_mut(&mut other).fill(0xdd);
        let old = memory.grow(&mut other, 700).unwrap();
        assert!(memory.data(&other)[old as usize..].iter().all(|byte| *byte == 0));
        memory.data_mut(&mut other).fill(0xdd);
    }
    instance(&mut store, &module("i64 1", "i64"), &[]);
}

/// Notes what it is asked, in bytes.
#[derive(Default)]
struct Notes(Vec<(usize, usize, Option<usize>)>, Vec<String>);

impl ResourceLimiter for Notes {
    fn memory_growing(
        &mut self,
        current: usize,
        desired: usize,
        maximum: Option<usize>,
    ) -> Result<bool> {
        self.0.push((current, desired, maximum));
        Ok(true)
    }

    fn memory_grow_failed(&mut self, error: Error) -> Result<()> {
        self.1.push(error.to_string());
        Ok(())
    }

    fn table_growing(&mut self, _: usize, _: usize, _: Option<usize>) -> Result<bool> {
        Ok(true)
    }
}

#[test]
fn limiters_see_bytes() {
    let mut store = Store::new(&Engine::new(&config()).unwrap(), Notes::default());
    store.limiter(|notes| notes);
    let guest = instance(&mut store, &module("i64 1 0x1000000000000", "i64"), &[]);
    let page = PAGE as usize;
    assert_eq!(grow64(&mut store, guest, 70_000), 1);
    assert_eq!(grow64(&mut store, guest, 1 << 48), -1);
    assert_eq!(grow64(&mut store, guest, 1 << 47), -1);
    let (now, all) = (70_001 * page, Some(usize::MAX));
    assert_eq!(store.data().0, [(0, page, all), (page, now, all), (now, (1 << 63) + now, all)]);
    assert_eq!(store.data().1.len(), 2);
    store.data_mut().0.clear();
    let ty = MemoryType::builder().min(3).max(Some(10)).page_size_log2(0).build().unwrap();
    let memory = Memory::new(&mut store, ty).unwrap();
    memory.grow(&mut store, 2).unwrap();
    assert_eq!(store.data().0, [(0, 3, Some(10)), (3, 5, Some(10))]);
}

#[test]
fn limits_of_a_store() {
    let limits = StoreLimitsBuilder::new().memory_size((5 << 30) + 1).memories(2).build();
    let mut store: Store<StoreLimits> = Store::new(&Engine::new(&config()).unwrap(), limits);
    store.limiter(|limits| limits);
    let guest = instance(&mut store, &module("i64 0", "i64"), &[]);
    assert_eq!(grow64(&mut store, guest, (5 << 30) / PAGE + 1), -1);
    assert_eq!(grow64(&mut store, guest, (5 << 30) / PAGE), 0);
    let result = instantiate(&mut store, "(module (memory 1) (memory i64 1))", &[]);
    assert_error(result, "resource limit exceeded: memory count too high at 3");
}

/// Growth makes bytes accessible that code has already been refused.
#[test]
fn growth_in_a_loop() {
    let text = r#"(module (memory i64 0)
        (func (export "run") (param $pages i64) (result i64)
            (local $i i64) (local $sum i64)
            (loop $next
                (drop (memory.grow (i64.const 1)))
                (i64.store offset=8 (i64.mul (local.get $i) (i64.const 65536)) (local.get $i))
                (local.set $sum (i64.add (local.get $sum)
                    (i64.load (i64.sub (i64.mul (memory.size) (i64.const 65536)) (i64.const 65528)))))
                (br_if $next (i64.lt_u
                    (local.tee $i (i64.add (local.get $i) (i64.const 1)))
                    (local.get $pages))))
            (local.get $sum)))"#;
    for mut store in stores() {
        let guest = instance(&mut store, text, &[]);
        assert_eq!(call::<_, _, u64>(&mut store, guest, "run", 300_u64).unwrap(), 299 * 300 / 2);
    }
}
