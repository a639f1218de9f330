//! Guests with 64-bit addresses.

use crate::assert_error;
use palisade::{Engine, Instance, Module, Store};
use palisade_guest::{
    AsString, Callback, Encoding, Guest, GuestPtr, GuestRecord, GuestValue, WithLen,
};

const TEXT: &str = r#"(module
    (memory (export "memory") i64 1)
    (table (export "table") 1 funcref)
    (global $next (mut i64) (i64.const 4096))
    (global $live (export "live") (mut i32) (i32.const 0))
    (func (export "malloc") (param i64) (result i64)
        (global.set $live (i32.add (global.get $live) (i32.const 1)))
        (global.set $next (i64.add (global.get $next)
            (i64.and (i64.add (local.get 0) (i64.const 15)) (i64.const -16))))
        (i64.sub (global.get $next)
            (i64.and (i64.add (local.get 0) (i64.const 15)) (i64.const -16))))
    (func (export "free") (param i64)
        (global.set $live (i32.sub (global.get $live) (i32.const 1))))
    (func (export "word") (param i64) (result i32) (i32.load (local.get 0)))
    (func (export "len") (param i64 i64) (result i64) (local.get 1))
    (func (export "pass") (param i64) (result i64) (local.get 0))
    (func (export "apply") (param i64 i32) (result i32)
        (call_indirect (param i32) (result i32) (local.get 1) (i32.wrap_i64 (local.get 0)))))"#;

#[derive(GuestRecord, Debug, PartialEq)]
struct Node {
    id: u8,
    next: GuestPtr<Node, u64>,
}

#[test]
fn everything_has_64_bits() {
    let engine = Engine::default();
    let module = Module::new(&engine, TEXT).unwrap();
    let mut store = Store::new(&engine, ());
    let instance = Instance::new(&mut store, &module, &[]).unwrap();
    assert_error(
        Guest::new(&mut store, instance),
        "the guest's memory has 64-bit addresses (memory64); use `Guest::new64`",
    );
    let guest = Guest::new64(&mut store, instance).unwrap();
    let word = guest.func::<&str, u32>(&mut store, "word").unwrap();
    assert_eq!(word.call(&mut store, "abc").unwrap(), u32::from_le_bytes(*b"abc\0"));
    let len = guest.func::<(WithLen<&[u16]>,), u64>(&mut store, "len").unwrap();
    assert_eq!(len.call(&mut store, (WithLen(&[1, 2, 3]),)).unwrap(), 3);
    let pass = guest.func::<&str, String>(&mut store, "pass").unwrap();
    assert_eq!(pass.call(&mut store, "né").unwrap(), "né");
    let apply = guest.func::<(Callback<u64>, i32), i32>(&mut store, "apply").unwrap();
    let callback = guest.add_callback(&mut store, |x: i32| x * 2).unwrap();
    assert_eq!(apply.call(&mut store, (callback, 21)).unwrap(), 42);

    assert_eq!(Node::SIZE, 16);
    let node =
        guest.alloc_copy(&mut store, &[Node { id: 1, next: GuestPtr::new64(u64::MAX) }]).unwrap();
    let read = guest.view(&store).get(node.ptr()).unwrap();
    assert_eq!(read, Node { id: 1, next: GuestPtr::new64(u64::MAX) });
    assert!(guest.view(&store).get(read.next).is_err());
    node.free(&mut store).unwrap();
    let text = guest.scope(&mut store, |scope| {
        let at = scope.text("x", Encoding::Utf16)?;
        Ok(scope.view().c_str(at)?.to_owned())
    });
    assert_eq!(text.unwrap(), "x");
    let live = instance.get_global(&mut store, "live").unwrap();
    assert_eq!(live.get(&mut store).unwrap_i32(), 0);
    assert_error(
        guest.func::<GuestPtr<u8>, i64>(&mut store, "pass"),
        "the guest's function `pass` has the type (i64) -> (i64), but is used as (i32) -> (i64)",
    );
    let string = guest.func::<i64, AsString>(&mut store, "pass").unwrap();
    assert_error(
        string.call(&mut store, 100),
        "in a call of the guest's `pass`: AssemblyScript has no 64-bit addresses",
    );
}

#[test]
fn guests_with_32_bits_are_not_taken_for_64() {
    let engine = Engine::default();
    let module = Module::new(&engine, r#"(module (memory (export "memory") 1))"#).unwrap();
    let mut store = Store::new(&engine, ());
    let instance = Instance::new(&mut store, &module, &[]).unwrap();
    assert_error(
        Guest::new64(&mut store, instance),
        "the guest's memory has 32-bit addresses; use `Guest::new`",
    );
}
