//! Data and element segments: what a new instance finds in its memories and tables.

use crate::{assert_error, instance, instantiate, module, store};
use palisade::{
    Func, Global, GlobalType, Instance, Linker, Memory, MemoryType, Mutability, Ref, RefType,
    Store, Table, TableType, Trap, Val, ValType,
};

const PAGE: usize = 65536;

/// Instantiates a module with an exported `memory` more often than an image takes to be made, and asserts each time
/// that the memory is as expected before a change spoils it.
#[track_caller]
fn check_contents(text: &str, pages: usize, parts: &[(usize, &[u8])]) {
    let mut expected = vec![0; pages * PAGE];
    for (start, bytes) in parts {
        expected[*start..start + bytes.len()].copy_from_slice(bytes);
    }
    let engine = palisade::Engine::default();
    let module = palisade::Module::new(&engine, text).unwrap();
    for round in 0..4 {
        let mut store = Store::new(&engine, ());
        let memories = [0, 1, 2].map(|_| {
            let instance = Instance::new(&mut store, &module, &[]).unwrap();
            instance.get_memory(&mut store, "memory").unwrap()
        });
        for (place, memory) in memories.iter().enumerate() {
            assert!(*memory.data(&store) == *expected, "round {round}, instance {place}");
            memory.data_mut(&mut store).fill(0xee);
        }
    }
}

#[test]
fn small_segments() {
    let text = r#"(module (memory (export "memory") 2)
        (data (i32.const 10) "abcdef")
        (data (i32.const 12) "XY")
        (data (i32.const 65534) "over")
        (data (i32.const 131070) "!!")
        (data (i32.const 131072) "")
        (data "passive"))"#;
    check_contents(text, 2, &[(10, b"abXYef"), (65534, b"over"), (131_070, b"!!")]);
}

#[test]
fn segments_large_enough_for_an_image() {
    let (a, b) = ("a".repeat(100_000), "b".repeat(5000));
    // Overlapping, not a multiple of a page, and with room behind.
    let text = format!(
        r#"(module (memory (export "memory") 4 8)
            (data (i32.const 7) "{a}") (data (i32.const 50000) "{b}") (data (i32.const 6) "<"))"#
    );
    check_contents(&text, 4, &[(7, a.as_bytes()), (50_000, b.as_bytes()), (6, b"<")]);
    // The whole memory, up to its last byte.
    let all = "c".repeat(2 * PAGE);
    let text = format!(r#"(module (memory (export "memory") 2) (data (i32.const 0) "{all}"))"#);
    check_contents(&text, 2, &[(0, all.as_bytes())]);
    // A computed offset.
    let text = format!(
        r#"(module (memory (export "memory") 2)
            (data (offset (i32.add (i32.const 3) (i32.mul (i32.const 5) (i32.const 6)))) "{a}"))"#
    );
    check_contents(&text, 2, &[(33, a.as_bytes())]);
}

#[test]
fn instances_write_to_their_own_copy() {
    let mut store = store();
    let data = "d".repeat(3 * PAGE);
    let text = format!(
        r#"(module (memory (export "memory") 3) (data (i32.const 0) "{data}")
            (func (export "poke") (param i32 i32) (i32.store8 (local.get 0) (local.get 1)))
            (func (export "peek") (param i32) (result i32) (i32.load8_u (local.get 0))))"#
    );
    let module = module(&store, &text);
    let instances: Vec<Instance> =
        (0..5).map(|_| Instance::new(&mut store, &module, &[]).unwrap()).collect();
    for (number, instance) in instances.iter().enumerate() {
        let poke = instance.get_typed_func::<(i32, i32), ()>(&mut store, "poke").unwrap();
        for address in [0, PAGE + number, 3 * PAGE - 1] {
            poke.call(&mut store, (address as i32, number as i32)).unwrap();
        }
    }
    for (number, instance) in instances.iter().enumerate() {
        let peek = instance.get_typed_func::<i32, i32>(&mut store, "peek").unwrap();
        for (address, own) in [(0, true), (PAGE + number, true), (PAGE + number + 1, false)] {
            let expected = if own { number as i32 } else { i32::from(b'd') };
            assert_eq!(peek.call(&mut store, address as i32).unwrap(), expected);
        }
        let memory = instance.get_memory(&mut store, "memory").unwrap();
        let changed = memory.data(&store).iter().filter(|byte| **byte != b'd').count();
        assert_eq!(changed, 3, "instance {number}");
        memory.grow(&mut store, 1).unwrap();
        assert!(memory.data(&store)[3 * PAGE..].iter().all(|byte| *byte == 0));
    }
}

/// A memory and a table for imports.
fn shared(store: &mut Store<()>) -> (Memory, Table) {
    let memory = Memory::new(&mut *store, MemoryType::new(1, None)).unwrap();
    let table = TableType::new(RefType::FUNCREF, 4, None);
    (memory, Table::new(store, table, Ref::Func(None)).unwrap())
}

#[test]
fn offsets_come_from_imported_globals() {
    let mut store = store();
    let (memory, table) = shared(&mut store);
    let text = r#"(module
        (import "" "m" (memory 1)) (import "" "t" (table 4 funcref))
        (import "" "g" (global $base i32))
        (data (global.get $base) "here")
        (data (offset (i32.add (global.get $base) (i32.const 100))) "there")
        (elem (offset (global.get $base)) func $f)
        (func $f (result i32) (global.get $base)))"#;
    for base in [1, 3] {
        let ty = GlobalType::new(ValType::I32, Mutability::Const);
        let global = Global::new(&mut store, ty, Val::I32(base)).unwrap();
        instance(&mut store, text, &[memory.into(), table.into(), global.into()]);
        let base = base as usize;
        assert_eq!(&memory.data(&store)[base..base + 4], b"here");
        assert_eq!(&memory.data(&store)[base + 100..base + 105], b"there");
        let element = table.get(&mut store, base as u64).unwrap();
        let f = *element.as_func().unwrap().expect("not null");
        assert_eq!(f.typed::<(), i32>(&store).unwrap().call(&mut store, ()).unwrap(), base as i32);
    }
    let ty = GlobalType::new(ValType::I32, Mutability::Const);
    let negative = Global::new(&mut store, ty, Val::I32(-1)).unwrap();
    let imports = [memory.into(), table.into(), negative.into()];
    assert_error(instantiate(&mut store, text, &imports), &Trap::TableOutOfBounds.to_string());
}

#[test]
fn failed_instances_leave_what_they_wrote() {
    let mut store = store();
    let (memory, table) = shared(&mut store);
    let text = r#"(module
        (import "" "m" (memory 1)) (import "" "t" (table 4 funcref))
        (global $n (mut i32) (i32.const 40))
        (elem (i32.const 2) func $next)
        (data (i32.const 0) "first")
        (data (i32.const 65533) "too far")
        (data (i32.const 10) "never")
        (func $next (result i32)
            (global.set $n (i32.add (global.get $n) (i32.const 1))) (global.get $n)))"#;
    let error = instantiate(&mut store, text, &[memory.into(), table.into()]).unwrap_err();
    assert_eq!(error.downcast_ref::<Trap>(), Some(&Trap::MemoryOutOfBounds));
    assert_eq!(&memory.data(&store)[..16], b"first\0\0\0\0\0\0\0\0\0\0\0");
    assert!(memory.data(&store)[65533..].iter().all(|byte| *byte == 0));
    // The function of the instance that never came to be runs, with its own state.
    for expected in [41, 42] {
        let next = *table.get(&mut store, 2).unwrap().as_func().unwrap().expect("not null");
        let next = next.typed::<(), i32>(&store).unwrap();
        assert_eq!(next.call(&mut store, ()).unwrap(), expected);
    }
}

#[test]
fn failed_element_segments_leave_earlier_ones() {
    let mut store = store();
    let (memory, table) = shared(&mut store);
    let text = r#"(module
        (import "" "m" (memory 1)) (import "" "t" (table 4 funcref))
        (elem (i32.const 0) func $f) (elem (i32.const 3) func $f $f) (elem (i32.const 1) func $f)
        (data (i32.const 0) "never")
        (func $f (result i32) (i32.const 5)))"#;
    let error = instantiate(&mut store, text, &[memory.into(), table.into()]).unwrap_err();
    assert_eq!(error.downcast_ref::<Trap>(), Some(&Trap::TableOutOfBounds));
    let set: Vec<bool> =
        (0..4).map(|index| !table.get(&mut store, index).unwrap().is_null()).collect();
    assert_eq!(set, [true, false, false, false]);
    assert!(memory.data(&store).iter().all(|byte| *byte == 0));
}

#[test]
fn failed_start_leaves_its_instance_reachable() {
    let mut store = store();
    let (memory, table) = shared(&mut store);
    let text = r#"(module
        (import "" "m" (memory 1)) (import "" "t" (table 4 funcref))
        (elem (i32.const 0) func $f)
        (data (i32.const 0) "data")
        (start $start)
        (func $start (i32.store8 (i32.const 1) (i32.const 65)) unreachable)
        (func $f (result i32) (i32.load (i32.const 0))))"#;
    let error = instantiate(&mut store, text, &[memory.into(), table.into()]).unwrap_err();
    assert_eq!(error.downcast_ref::<Trap>(), Some(&Trap::UnreachableCodeReached));
    assert_eq!(&memory.data(&store)[..4], b"dAta");
    let f = *table.get(&mut store, 0).unwrap().as_func().unwrap().expect("not null");
    let result = f.typed::<(), i32>(&store).unwrap().call(&mut store, ()).unwrap();
    assert_eq!(result.to_le_bytes(), *b"dAta");
}

#[test]
fn large_segments_out_of_bounds() {
    let mut store = store();
    let data = "e".repeat(PAGE);
    for (offset, fits) in [("0", true), ("1", false), ("-1", false), ("65536", false)] {
        let text = format!(r#"(module (memory 1) (data (i32.const {offset}) "{data}"))"#);
        let module = module(&store, &text);
        for round in 0..3 {
            let result = Instance::new(&mut store, &module, &[]);
            assert_eq!(result.is_ok(), fits, "{offset}, round {round}");
        }
    }
}

/// Initialises from segments that it may have dropped.
const BULK: &str = r#"(module
    (memory (export "memory") 1)
    (table (export "table") 8 funcref)
    (data $passive "passive")
    (data $active (i32.const 100) "active")
    (elem $listed func $one $two)
    (elem $exprs funcref (ref.func $two) (ref.null func))
    (elem $active_elem (i32.const 7) func $one)
    (elem declare func $declared)
    (func $one (result i32) (i32.const 1))
    (func $two (result i32) (i32.const 2))
    (func $declared (result i32) (i32.const 3))
    (func (export "passive") (param i32 i32 i32)
        (memory.init $passive (local.get 0) (local.get 1) (local.get 2)))
    (func (export "active") (param i32 i32 i32)
        (memory.init $active (local.get 0) (local.get 1) (local.get 2)))
    (func (export "listed") (param i32 i32 i32)
        (table.init $listed (local.get 0) (local.get 1) (local.get 2)))
    (func (export "exprs") (param i32 i32 i32)
        (table.init $exprs (local.get 0) (local.get 1) (local.get 2)))
    (func (export "active_elem") (param i32 i32 i32)
        (table.init $active_elem (local.get 0) (local.get 1) (local.get 2)))
    (func (export "drop") (data.drop $passive) (elem.drop $listed) (elem.drop $exprs))
    (func (export "declared") (result funcref) (ref.func $declared)))"#;

#[test]
fn segments_are_dropped() {
    let mut store = store();
    let guest = instance(&mut store, BULK, &[]);
    let mut init = |name: &str, to: i32, from: i32, len: i32| {
        let f = guest.get_typed_func::<(i32, i32, i32), ()>(&mut store, name).unwrap();
        f.call(&mut store, (to, from, len)).map_err(|error| error.downcast::<Trap>().unwrap())
    };
    let (memory, table) = (Err(Trap::MemoryOutOfBounds), Err(Trap::TableOutOfBounds));
    assert_eq!(init("passive", 0, 1, 6), Ok(()));
    assert_eq!(init("passive", 0, 1, 7), memory);
    assert_eq!(init("passive", 65530, 0, 7), memory);
    assert_eq!(init("passive", -1, 0, 0), memory);
    assert_eq!(init("listed", 0, 0, 2), Ok(()));
    assert_eq!(init("listed", 7, 0, 2), table);
    assert_eq!(init("exprs", 2, 0, 2), Ok(()));
    assert_eq!(init("exprs", 2, 1, 2), table);
    // Active segments are dropped by instantiation: only nothing can be taken from them.
    assert_eq!(init("active", 0, 0, 1), memory);
    assert_eq!(init("active", 0, 0, 0), Ok(()));
    assert_eq!(init("active_elem", 0, 0, 1), table);
    assert_eq!(init("active_elem", 0, 0, 0), Ok(()));
    guest.get_typed_func::<(), ()>(&mut store, "drop").unwrap().call(&mut store, ()).unwrap();
    let mut init = |name: &str, len: i32| {
        let f = guest.get_typed_func::<(i32, i32, i32), ()>(&mut store, name).unwrap();
        f.call(&mut store, (0, 0, len)).map_err(|error| error.downcast::<Trap>().unwrap())
    };
    assert_eq!((init("passive", 1), init("listed", 1), init("exprs", 1)), (memory, table, table));
    assert_eq!((init("passive", 0), init("listed", 0), init("exprs", 0)), (Ok(()), Ok(()), Ok(())));
    let memory = guest.get_memory(&mut store, "memory").unwrap();
    assert_eq!(&memory.data(&store)[..7], b"assive\0");
    assert_eq!(&memory.data(&store)[100..106], b"active");
    let table = guest.get_table(&mut store, "table").unwrap();
    let found: Vec<Option<i32>> = (0..8)
        .map(|index| {
            let func = table.get(&mut store, index).unwrap().as_func().unwrap().copied();
            func.map(|f| f.typed::<(), i32>(&store).unwrap().call(&mut store, ()).unwrap())
        })
        .collect();
    assert_eq!(found, [Some(1), Some(2), Some(2), None, None, None, None, Some(1)]);
}

#[test]
fn declared_functions_can_be_referred_to() {
    let mut store = store();
    let guest = instance(&mut store, BULK, &[]);
    let get = guest.get_typed_func::<(), Option<Func>>(&mut store, "declared").unwrap();
    let declared = get.call(&mut store, ()).unwrap().expect("not null");
    let result = declared.typed::<(), i32>(&store).unwrap().call(&mut store, ()).unwrap();
    assert_eq!(result, 3);
}

#[test]
fn exports_that_were_imported_are_the_same() {
    let mut store = store();
    let (memory, table) = shared(&mut store);
    let text = r#"(module (memory (export "m") (import "" "m") 1)
        (table (export "t") (import "" "t") 4 funcref)
        (func (export "f") (import "" "f") (result i32)))"#;
    let mut linker = Linker::new(store.engine());
    linker.func_wrap("", "f", || 6).unwrap();
    linker.define(&store, "", "m", memory).unwrap().define(&store, "", "t", table).unwrap();
    let module = module(&store, text);
    let guest = linker.instantiate(&mut store, &module).unwrap();
    guest.get_memory(&mut store, "m").unwrap().data_mut(&mut store)[3] = 4;
    assert_eq!(memory.data(&store)[3], 4);
    let f = guest.get_func(&mut store, "f").unwrap();
    guest.get_table(&mut store, "t").unwrap().set(&mut store, 1, f.into()).unwrap();
    let element = *table.get(&mut store, 1).unwrap().as_func().unwrap().expect("not null");
    assert_eq!(element.typed::<(), i32>(&store).unwrap().call(&mut store, ()).unwrap(), 6);
    let names: Vec<_> = guest.exports(&mut store).map(|export| export.name().to_owned()).collect();
    assert_eq!(names, ["m", "t", "f"]);
}
