//! Linear memories, as the host uses them.

use crate::{assert_error, instance, store};
use palisade::error::ErrorKind;
use palisade::{Caller, Func, Memory, MemoryAccessError, MemoryType, Store};

const PAGE: usize = 65536;

fn memory(store: &mut Store<()>, minimum: u32, maximum: Option<u32>) -> Memory {
    Memory::new(store, MemoryType::new(minimum, maximum)).unwrap()
}

#[test]
fn accesses_stay_inside() {
    let mut store = store();
    let memory = memory(&mut store, 1, None);
    for (offset, len, inside) in [
        (0, 0, true),
        (0, PAGE, true),
        (PAGE, 0, true),
        (PAGE - 4, 4, true),
        (PAGE - 3, 4, false),
        (PAGE, 1, false),
        (PAGE + 1, 0, false),
        (usize::MAX, 0, false),
        (usize::MAX, 2, false),
        (0, PAGE + 1, false),
    ] {
        let what = format!("{len} bytes at {offset}");
        let mut buffer = vec![7; len];
        let read = memory.read(&store, offset, &mut buffer);
        assert_eq!(read.is_ok(), inside, "{what}");
        assert!(inside || buffer.iter().all(|byte| *byte == 7), "{what}: partly read");
        let written = memory.write(&mut store, offset, &vec![1; len]);
        assert_eq!(written.is_ok(), inside, "{what}");
        let ones = memory.data(&store).iter().filter(|byte| **byte == 1).count();
        assert_eq!(ones, if inside { len } else { 0 }, "{what}");
        memory.data_mut(&mut store).fill(0);
    }
    let error: MemoryAccessError = memory.read(&store, PAGE, &mut [0]).unwrap_err();
    assert_eq!(error.to_string(), "out of bounds memory access");
}

#[test]
fn host_and_guest_see_the_same_bytes() {
    let mut store = Store::new(&palisade::Engine::default(), 40);
    let text = r#"(module (memory (export "memory") 1)
        (func (export "load") (param i32) (result i32) (i32.load (local.get 0)))
        (func (export "store") (param i32 i32) (i32.store (local.get 0) (local.get 1))))"#;
    let guest = instance(&mut store, text, &[]);
    let memory = guest.get_memory(&mut store, "memory").unwrap();
    let load = guest.get_typed_func::<i32, u32>(&mut store, "load").unwrap();
    let put = guest.get_typed_func::<(i32, u32), ()>(&mut store, "store").unwrap();
    memory.write(&mut store, 100, &[1, 2, 3, 4]).unwrap();
    assert_eq!(load.call(&mut store, 100).unwrap(), 0x0403_0201);
    put.call(&mut store, (200, 0xdead_beef)).unwrap();
    assert_eq!(memory.data(&store)[200..204], [0xef, 0xbe, 0xad, 0xde]);
    let (bytes, data) = memory.data_and_store_mut(&mut store);
    *data += i32::from(bytes[201]);
    bytes[101] = 9;
    assert_eq!(*store.data(), 40 + 0xbe);
    assert_eq!(load.call(&mut store, 100).unwrap(), 0x0403_0901);
}

#[test]
fn growth_adds_zeros() {
    let mut store = store();
    let memory = memory(&mut store, 1, Some(4));
    memory.data_mut(&mut store).fill(0xff);
    assert_eq!(memory.grow(&mut store, 2).unwrap(), 1);
    assert_eq!((memory.size(&store), memory.data_size(&store)), (3, 3 * PAGE));
    assert!(memory.data(&store)[..PAGE].iter().all(|byte| *byte == 0xff));
    assert!(memory.data(&store)[PAGE..].iter().all(|byte| *byte == 0));
    for delta in [2, 65536, u64::MAX] {
        let error = memory.grow(&mut store, delta).unwrap_err();
        assert!(matches!(error.kind(), ErrorKind::Resource(_)));
        assert_eq!(error.to_string(), format!("failed to grow memory by `{delta}`"));
        assert_eq!(memory.size(&store), 3);
    }
    assert_eq!(memory.grow(&mut store, 0).unwrap(), 3);
    assert_eq!(memory.grow(&mut store, 1).unwrap(), 3);
    let ty = memory.ty(&store);
    assert_eq!((ty.minimum(), ty.maximum(), memory.page_size(&store)), (1, Some(4), PAGE as u64));
}

#[test]
fn base_does_not_move() {
    let mut store = store();
    let memory = memory(&mut store, 0, None);
    let base = memory.data_ptr(&store);
    let mut pages = 0;
    // Up to 1 GiB: 1, 2, 4 ... pages more at a time.
    while pages < 16384 {
        let delta = (16384 - pages).min(pages.max(1));
        assert_eq!(memory.grow(&mut store, delta).unwrap(), pages);
        pages += delta;
        assert_eq!(memory.data_ptr(&store), base);
        assert_eq!(memory.data_size(&store), pages as usize * PAGE);
        *memory.data_mut(&mut store).last_mut().unwrap() = 5;
    }
    assert_eq!(memory.data_size(&store), 1 << 30);
    assert_eq!((memory.data(&store)[PAGE - 1], memory.data(&store)[(1 << 30) - 1]), (5, 5));
}

#[test]
fn types_must_be_possible() {
    let mut store = store();
    for (minimum, maximum, limit) in
        [(2, Some(1), 1), (65537, None, 65536), (u32::MAX, None, 65536)]
    {
        let result = Memory::new(&mut store, MemoryType::new(minimum, maximum));
        let message = format!("memory of {minimum} pages exceeds its maximum of {limit}");
        assert_error(result, &message);
    }
    let largest = memory(&mut store, 0, Some(65536));
    assert_eq!(largest.ty(&store).limit_pages(), 65536);
    assert!(largest.grow(&mut store, 65537).is_err());
}

#[test]
fn instances_share_an_imported_memory() {
    let mut store = store();
    let memory = memory(&mut store, 1, Some(3));
    let text = r#"(module (import "" "" (memory 1))
        (func (export "grow") (result i32) (memory.grow (i32.const 1)))
        (func (export "size") (result i32) (memory.size))
        (func (export "load") (param i32) (result i32) (i32.load8_u (local.get 0)))
        (func (export "store") (param i32 i32) (i32.store8 (local.get 0) (local.get 1))))"#;
    let [one, two] = [0, 1].map(|_| instance(&mut store, text, &[memory.into()]));
    let put = one.get_typed_func::<(i32, i32), ()>(&mut store, "store").unwrap();
    let load = two.get_typed_func::<i32, i32>(&mut store, "load").unwrap();
    put.call(&mut store, (500, 33)).unwrap();
    assert_eq!(load.call(&mut store, 500).unwrap(), 33);
    assert!(load.call(&mut store, PAGE as i32).is_err());
    let grow = one.get_typed_func::<(), i32>(&mut store, "grow").unwrap();
    assert_eq!(grow.call(&mut store, ()).unwrap(), 1);
    let size = two.get_typed_func::<(), i32>(&mut store, "size").unwrap();
    assert_eq!((size.call(&mut store, ()).unwrap(), memory.size(&store)), (2, 2));
    put.call(&mut store, (PAGE as i32, 44)).unwrap();
    assert_eq!(load.call(&mut store, PAGE as i32).unwrap(), 44);
    memory.grow(&mut store, 1).unwrap();
    assert_eq!(grow.call(&mut store, ()).unwrap(), -1);
    assert_eq!(size.call(&mut store, ()).unwrap(), 3);
}

#[test]
fn growth_during_a_call_is_seen_by_the_guest() {
    let mut store = store();
    let grow = Func::wrap(&mut store, |mut caller: Caller<'_, ()>| {
        let memory = caller.get_export("memory").unwrap().into_memory().unwrap();
        let table = caller.get_export("table").unwrap().into_table().unwrap();
        let three = Func::wrap(&mut caller, || 3);
        memory.grow(&mut caller, 100).unwrap();
        memory.data_mut(&mut caller)[100 * PAGE + 5] = 7;
        table.grow(&mut caller, 5000, three.into()).unwrap();
    });
    let text = r#"(module (import "" "" (func $grow))
        (memory (export "memory") 1) (table (export "table") 1 funcref)
        (func (export "run") (result i32 i32 i32 i32) (local i32)
            (local.set 0 (i32.load (i32.const 0)))
            (drop (table.get 0 (i32.const 0)))
            (call $grow)
            (memory.size)
            (i32.load8_u (i32.const 6553605))
            (call_indirect (result i32) (i32.const 5000))
            (table.size 0)))"#;
    let guest = instance(&mut store, text, &[grow.into()]);
    let run = guest.get_typed_func::<(), (i32, i32, i32, i32)>(&mut store, "run").unwrap();
    assert_eq!(run.call(&mut store, ()).unwrap(), (101, 7, 3, 5001));
    assert_eq!(run.call(&mut store, ()).unwrap(), (201, 7, 3, 10_001));
}
