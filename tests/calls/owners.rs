//! Whose function a table entry holds: the callee runs in its own instance, however the entry was written.

use super::{engines, export, instantiate, run};
use palisade::{Caller, Extern, Func, Ref, Store, Trap};

/// Gives its own number when called; its table holds that function.
const OTHER: &str = r#"(module
    (global (export "id") (mut i32) (i32.const 7))
    (table (export "table") 2 8 funcref)
    (elem (i32.const 0) $id)
    (func $id (export "func") (result i32) (global.get 0)))"#;

/// Has three tables of its own: one that grows, one of fixed size, one whose elements have one type; it imports another.
const GUEST: &str = r#"(module
    (type $id (func (result i32)))
    (import "" "func" (func $other (type $id)))
    (import "" "host" (func $host (type $id)))
    (import "" "table" (table $others 2 8 funcref))
    (global (export "id") (mut i32) (i32.const 3))
    (table $t (export "own") 4 8 funcref)
    (table $fixed 3 3 funcref)
    (table $typed 3 3 (ref null $id))
    (elem (table $t) (i32.const 0) func $own $other $host)
    (elem (table $fixed) (i32.const 0) func $own $other $host)
    (elem (table $typed) (i32.const 0) (ref null $id) (ref.func $own) (ref.func $other) (ref.func $host))
    (func $own (type $id) (global.get 0))
    (func (export "call") (param i32) (result i32) (call_indirect $t (type $id) (local.get 0)))
    (func (export "tail") (param i32) (result i32) (return_call_indirect $t (type $id) (local.get 0)))
    (func (export "fixed") (param i32) (result i32) (call_indirect $fixed (type $id) (local.get 0)))
    (func (export "typed") (param i32) (result i32) (call_indirect $typed (type $id) (local.get 0)))
    (func (export "others") (param i32) (result i32) (call_indirect $others (type $id) (local.get 0)))
    (func (export "wrong") (param i32) (result i32)
        (call_indirect $t (param i32) (result i32) (i32.const 0) (local.get 0)))
    (func (export "set") (param i32 i32) (table.set $t (local.get 0) (table.get $t (local.get 1))))
    (func (export "lend") (param i32 i32)
        (table.set $others (local.get 0) (table.get $t (local.get 1))))
    (func (export "null") (param i32) (table.set $t (local.get 0) (ref.null func)))
    (func (export "fill") (param i32 i32)
        (table.fill $t (local.get 0) (table.get $t (local.get 1)) (i32.const 1)))
    (func (export "copy") (param i32 i32)
        (table.copy $t $t (local.get 0) (local.get 1) (i32.const 1)))
    (func (export "borrow") (param i32 i32)
        (table.copy $t $others (local.get 0) (local.get 1) (i32.const 1)))
    (func (export "grow") (param i32) (result i32)
        (table.grow $t (table.get $t (local.get 0)) (i32.const 1))))"#;

/// Numbers of the guest's own function, the other instance's and the host's, which asks who calls.
const IDS: [i32; 3] = [3, 7, 103];

#[test]
fn callees_run_in_their_own_instance() {
    for engine in engines() {
        let mut store = Store::new(&engine, ());
        let host = Func::wrap(&mut store, |mut caller: Caller<'_, ()>| -> i32 {
            let id = caller.get_export("id").and_then(Extern::into_global).expect("exported");
            100 + id.get(&mut caller).unwrap_i32()
        });
        let other = instantiate(&mut store, OTHER, &[]);
        let (func, table) = (export(&mut store, other, "func"), export(&mut store, other, "table"));
        let guest = instantiate(&mut store, GUEST, &[func, host.into(), table.clone()]);
        let own = export(&mut store, guest, "own").into_table().expect("a table");
        let table = table.into_table().expect("a table");

        for name in ["call", "tail", "fixed", "typed"] {
            for (place, id) in IDS.into_iter().enumerate() {
                assert_eq!(run(&mut store, guest, name, &[place as i32]), Ok(id), "{name} {place}");
            }
        }
        assert_eq!(run(&mut store, guest, "others", &[0]), Ok(7));
        assert_eq!(run(&mut store, guest, "call", &[3]), Err(Trap::IndirectCallToNull));
        assert_eq!(run(&mut store, guest, "call", &[4]), Err(Trap::TableOutOfBounds));

        // Entry 3 is written in all ways there are, each time from another kind of entry.
        for way in ["set", "fill", "copy"] {
            for (place, id) in IDS.into_iter().enumerate() {
                run(&mut store, guest, way, &[3, place as i32]).expect("it does not trap");
                assert_eq!(run(&mut store, guest, "call", &[3]), Ok(id), "{way} {place}");
                assert_eq!(run(&mut store, guest, "tail", &[3]), Ok(id), "{way} {place}");
                let wrong = run(&mut store, guest, "wrong", &[3]);
                assert_eq!(wrong, Err(Trap::BadSignature), "{way} {place}");
                run(&mut store, guest, "null", &[3]).expect("it does not trap");
                let null = run(&mut store, guest, "call", &[3]);
                assert_eq!(null, Err(Trap::IndirectCallToNull), "{way} {place}");
            }
        }
        for (place, id) in (0..).zip(IDS) {
            // To the other instance's table and back, by wasm and by the host.
            run(&mut store, guest, "lend", &[1, place]).expect("it does not trap");
            assert_eq!(run(&mut store, guest, "others", &[1]), Ok(id), "{place}");
            run(&mut store, guest, "borrow", &[3, 1]).expect("it does not trap");
            assert_eq!(run(&mut store, guest, "call", &[3]), Ok(id), "{place}");
            let reference = own.get(&mut store, place as u64).expect("within the table");
            table.set(&mut store, 1, reference).expect("a function");
            assert_eq!(run(&mut store, guest, "others", &[1]), Ok(id), "{place}");
            own.set(&mut store, 3, Ref::Func(None)).expect("null");
            own.set(&mut store, 3, reference).expect("a function");
            assert_eq!(run(&mut store, guest, "call", &[3]), Ok(id), "{place}");
            let added = run(&mut store, guest, "grow", &[place]).expect("it does not trap");
            assert_eq!(run(&mut store, guest, "call", &[added]), Ok(id), "{place}");
        }
    }
}
