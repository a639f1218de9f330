//! Several memories in one instance.

use crate::{PAGE, assert_error, assert_trap, call, instance, instantiate, store, stores};
use palisade::{Extern, Linker, Memory, MemoryType, Module, Trap};

/// A module that imports two memories, which may be one.
const TWO: &str = r#"(module
    (import "m" "a" (memory $a 1))
    (import "m" "b" (memory $b 1))
    ;; Loads from $a before and after a store to $b.
    (func (export "around") (param i32 i32) (result i32 i32)
        (local $before i32)
        (local.set $before (i32.load $a (local.get 0)))
        (i32.store $b (local.get 0) (local.get 1))
        (local.get $before)
        (i32.load $a (local.get 0)))
    ;; The last of two stores to one place stays.
    (func (export "overwrite") (param i32)
        (i32.store $a (local.get 0) (i32.const 1))
        (i32.store $b (local.get 0) (i32.const 2))
        (i32.store $a (local.get 0) (i32.const 3)))
    (func (export "overwrite again") (param i32)
        (i32.store $a (local.get 0) (i32.const 1))
        (i32.store $b (local.get 0) (i32.const 2))
        (i32.store $a (local.get 0) (i32.const 1)))
    ;; Each round counts in $a and reads the count from $b.
    (func (export "count") (param $rounds i32) (result i32)
        (local $sum i32)
        (loop $next
            (i32.store $a offset=64 (i32.const 0)
                (i32.add (i32.load $a offset=64 (i32.const 0)) (i32.const 1)))
            (local.set $sum (i32.add (local.get $sum) (i32.load $b offset=64 (i32.const 0))))
            (br_if $next (local.tee $rounds (i32.sub (local.get $rounds) (i32.const 1)))))
        (local.get $sum))
    (func (export "sizes") (result i32 i32) (memory.size $a) (memory.size $b))
    (func (export "grow a, sizes") (result i32 i32)
        (drop (memory.grow $a (i32.const 1))) (memory.size $a) (memory.size $b))
    (func (export "copy") (param i32 i32 i32)
        (memory.copy $b $a (local.get 0) (local.get 1) (local.get 2)))
    (func (export "load b") (param i32) (result i32) (i32.load8_u $b (local.get 0))))"#;

#[test]
fn one_memory_imported_twice() {
    for mut store in stores() {
        let memory = Memory::new(&mut store, MemoryType::new(1, None)).unwrap();
        let guest = instance(&mut store, TWO, &[memory.into(), memory.into()]);
        for round in 1..5_u32 {
            let (before, after): (u32, u32) =
                call(&mut store, guest, "around", (8_u32, round)).unwrap();
            assert_eq!((before, after), (round - 1, round));
        }
        call::<_, _, ()>(&mut store, guest, "overwrite", 100_u32).unwrap();
        assert_eq!(memory.data(&store)[100], 3);
        call::<_, _, ()>(&mut store, guest, "overwrite again", 104_u32).unwrap();
        assert_eq!(memory.data(&store)[104], 1);
        assert_eq!(call::<_, _, u32>(&mut store, guest, "count", 100_u32).unwrap(), 100 * 101 / 2);
        let sizes: (u32, u32) = call(&mut store, guest, "grow a, sizes", ()).unwrap();
        assert_eq!(sizes, (2, 2));
        assert_eq!(call::<_, _, u32>(&mut store, guest, "load b", 65536_u32).unwrap(), 0);
        // Overlapping, as within one memory.
        memory.write(&mut store, 1000, b"0123456789").unwrap();
        call::<_, _, ()>(&mut store, guest, "copy", (1002_u32, 1000_u32, 8_u32)).unwrap();
        assert_eq!(&memory.data(&store)[1000..1010], b"0101234567");
    }
}

#[test]
fn two_memories_imported() {
    for mut store in stores() {
        let [a, b] = [0, 0].map(|_| Memory::new(&mut store, MemoryType::new(1, Some(9))).unwrap());
        let guest = instance(&mut store, TWO, &[a.into(), b.into()]);
        let result: (u32, u32) = call(&mut store, guest, "around", (8_u32, 7_u32)).unwrap();
        assert_eq!(result, (0, 0));
        assert_eq!((a.data(&store)[8], b.data(&store)[8]), (0, 7));
        call::<_, _, ()>(&mut store, guest, "overwrite", 100_u32).unwrap();
        assert_eq!((a.data(&store)[100], b.data(&store)[100]), (3, 2));
        assert_eq!(call::<_, _, u32>(&mut store, guest, "count", 100_u32).unwrap(), 0);
        let sizes: (u32, u32) = call(&mut store, guest, "grow a, sizes", ()).unwrap();
        assert_eq!(sizes, (2, 1));
        a.write(&mut store, 0, b"hello").unwrap();
        call::<_, _, ()>(&mut store, guest, "copy", (50_u32, 0_u32, 5_u32)).unwrap();
        assert_eq!(&b.data(&store)[50..55], b"hello");
        // Each has its own bounds.
        call::<_, _, ()>(&mut store, guest, "copy", (0_u32, 65536_u32, 5_u32)).unwrap();
        let beyond = call::<_, _, ()>(&mut store, guest, "copy", (65532_u32, 0_u32, 5_u32));
        assert_trap(beyond, Trap::MemoryOutOfBounds);
    }
}

/// A memory of its own that an instance exports and another imports beside it.
#[test]
fn own_and_imported() {
    for mut store in stores() {
        let text = r#"(module
            (memory (export "one") 1) (memory (export "two") i64 2 5)
            (data (memory 0) (i32.const 3) "one") (data (memory 1) (i64.const 65536) "two")
            (data $later "later")
            (func (export "init") (param i64) (memory.init 1 $later (local.get 0) (i32.const 1) (i32.const 3)))
            (func (export "get") (param i64) (result i32) (i32.load8_u 1 (local.get 0))))"#;
        let owner = instance(&mut store, text, &[]);
        let imports =
            ["one", "two"].map(|name| Extern::from(owner.get_memory(&mut store, name).unwrap()));
        let text = r#"(module
            (import "" "one" (memory $one 1)) (import "" "two" (memory $two i64 1 5))
            (memory $own 1)
            (data (memory $own) (i32.const 0) "own")
            (data (memory $two) (i64.const 0) "2")
            (func (export "three") (param i32) (result i32 i32 i32)
                (i32.load8_u $one (local.get 0))
                (i32.load8_u $two (i64.extend_i32_u (local.get 0)))
                (i32.load8_u $own (local.get 0)))
            (func (export "narrow to wide") (param i64 i32 i32)
                (memory.copy $two $own (local.get 0) (local.get 1) (local.get 2)))
            (func (export "wide to narrow") (param i32 i64 i32)
                (memory.copy $own $two (local.get 0) (local.get 1) (local.get 2)))
            (func (export "grow") (result i64) (memory.grow $two (i64.const 2)))
            (export "own" (memory $own)))"#;
        let user = instance(&mut store, text, &imports);
        let get = |store: &mut _, place: u32| {
            call::<_, _, (u32, u32, u32)>(store, user, "three", place).unwrap()
        };
        assert_eq!(get(&mut store, 0), (0, b'2'.into(), b'o'.into()));
        assert_eq!(get(&mut store, 3), (b'o'.into(), 0, 0));
        call::<_, _, ()>(&mut store, owner, "init", 7_u64).unwrap();
        assert_eq!(get(&mut store, 7), (0, b'a'.into(), 0));
        call::<_, _, ()>(&mut store, user, "narrow to wide", (131_069_u64, 0_u32, 3_u32)).unwrap();
        assert_eq!(call::<_, _, u32>(&mut store, owner, "get", 131_071_u64).unwrap(), b'n'.into());
        call::<_, _, ()>(&mut store, user, "wide to narrow", (9_u32, 65536_u64, 3_u32)).unwrap();
        let own = user.get_memory(&mut store, "own").unwrap();
        assert_eq!(&own.data(&store)[9..12], b"two");
        for place in [131_070, 1 << 32, u64::MAX - 1, u64::MAX] {
            let result =
                call::<_, _, ()>(&mut store, user, "narrow to wide", (place, 0_u32, 3_u32));
            assert_trap(result, Trap::MemoryOutOfBounds);
            let result =
                call::<_, _, ()>(&mut store, user, "wide to narrow", (0_u32, place, 3_u32));
            assert_trap(result, Trap::MemoryOutOfBounds);
        }
        let result = call::<_, _, ()>(&mut store, user, "wide to narrow", (0_u32, 0_u64, u32::MAX));
        assert_trap(result, Trap::MemoryOutOfBounds);
        assert_eq!(call::<_, _, u64>(&mut store, user, "grow", ()).unwrap(), 2);
        assert_eq!(call::<_, _, u32>(&mut store, owner, "get", 4 * PAGE - 1).unwrap(), 0);
    }
}

#[test]
fn a_segment_out_of_bounds_stops_there() {
    let mut store = store();
    let text = r#"(module (import "" "" (memory $a i64 1)) (memory $b 1)
        (data (memory $a) (i64.const 0) "kept")
        (data (memory $a) (i64.const 0xfffffffffffffffc) "wraps")
        (data (memory $a) (i64.const 8) "never"))"#;
    let memory = Memory::new(&mut store, MemoryType::new64(1, None)).unwrap();
    assert_trap(instantiate(&mut store, text, &[memory.into()]), Trap::MemoryOutOfBounds);
    assert_eq!(&memory.data(&store)[..13], b"kept\0\0\0\0\0\0\0\0\0");
}

/// The second instance of a module maps its contents instead of copying them.
#[test]
fn images_of_wide_memories() {
    let mut store = store();
    let data = "0123456789abcdef".repeat(8192);
    for ty in ["i64 4", "i64 300000 (pagesize 1)", "300000 (pagesize 1)"] {
        let index = if ty.starts_with("i64") { "i64" } else { "i32" };
        let text = format!(
            r#"(module (memory (export "memory") {ty}) (memory 1)
                (data ({index}.const 1000) "{data}"))"#
        );
        let module = Module::new(store.engine(), &text).unwrap();
        for _ in 0..3 {
            let guest = Linker::new(store.engine()).instantiate(&mut store, &module).unwrap();
            let memory = guest.get_memory(&mut store, "memory").unwrap();
            let bytes = memory.data_mut(&mut store);
            assert_eq!(&bytes[1000..1000 + data.len()], data.as_bytes());
            assert!(bytes[..1000].iter().chain(&bytes[1000 + data.len()..]).all(|byte| *byte == 0));
            bytes.fill(1);
        }
    }
}

#[test]
fn as_many_as_allowed() {
    let mut store = store();
    let memories: String = (0..100).map(|i| format!("(memory $m{i} i64 1)")).collect();
    let text = format!(
        "(module {memories} (func (export \"f\") (result i32)
            (i32.store $m99 (i64.const 4) (i32.const 9)) (i32.load $m98 (i64.const 4))
            (i32.load $m99 (i64.const 4)) i32.add))"
    );
    let guest = instance(&mut store, &text, &[]);
    assert_eq!(call::<_, _, u32>(&mut store, guest, "f", ()).unwrap(), 9);
    let text = format!("(module {memories} (memory 1))");
    let error = Module::new(store.engine(), text).unwrap_err().to_string();
    assert!(error.contains("memories count"), "{error}");
}

#[test]
fn types_must_match() {
    let mut store = store();
    let wide = Memory::new(&mut store, MemoryType::new64(1, Some(2))).unwrap();
    let narrow = Memory::new(&mut store, MemoryType::new(1, Some(2))).unwrap();
    let ty = MemoryType::builder().min(1).max(Some(2)).page_size_log2(0).build().unwrap();
    let bytes = Memory::new(&mut store, ty).unwrap();
    for (declared, item, found) in [
        ("memory 1", wide, "memory i64 1 2 of 1 pages"),
        ("memory i64 1", narrow, "memory 1 2 of 1 pages"),
        ("memory 1", bytes, "memory 1 2 (pagesize 1) of 1 pages"),
        ("memory 1 (pagesize 1)", narrow, "memory 1 2 of 1 pages"),
        ("memory i64 1 (pagesize 1)", bytes, "memory 1 2 (pagesize 1) of 1 pages"),
        ("memory i64 2", wide, "memory i64 1 2 of 1 pages"),
        ("memory i64 1 1", wide, "memory i64 1 2 of 1 pages"),
    ] {
        let text = format!(r#"(module (import "m" "x" ({declared})))"#);
        assert_error(
            instantiate(&mut store, &text, &[item.into()]),
            &format!(
                "incompatible import type for `\"m\".\"x\"`: expected {declared}, found {found}"
            ),
        );
        let mut linker = Linker::new(store.engine());
        linker.define(&mut store, "m", "x", item).unwrap();
        let module = Module::new(store.engine(), &text).unwrap();
        let error = format!("{:#}", linker.instantiate(&mut store, &module).unwrap_err());
        assert!(error.contains(&format!("expected {declared}, found {found}")), "{error}");
    }
    instance(&mut store, r#"(module (import "" "" (memory i64 1 3)))"#, &[wide.into()]);
    instance(&mut store, r#"(module (import "" "" (memory 0 2 (pagesize 1))))"#, &[bytes.into()]);
}
