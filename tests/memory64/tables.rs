//! Tables with 64-bit indices.

use crate::{assert_error, assert_trap, call, instance, instantiate, store, stores};
use palisade::{Ref, RefType, Table, TableType, Trap};

const TEXT: &str = r#"(module
    (type $number (func (result i32)))
    (table $wide (export "wide") i64 10 20 funcref)
    (table $fixed i64 10 10 funcref)
    (table $narrow 10 20 funcref)
    (elem (table $wide) (i64.const 3) func $three $four)
    (elem (table $fixed) (i64.const 9) func $four)
    (elem $later func $three $four $three)
    (func $three (result i32) (i32.const 3))
    (func $four (result i32) (i32.const 4))
    (func (export "call") (param i64) (result i32)
        (call_indirect $wide (type $number) (local.get 0)))
    (func (export "call fixed") (param i64) (result i32)
        (call_indirect $fixed (type $number) (local.get 0)))
    (func (export "is null") (param i64) (result i32) (ref.is_null (table.get $wide (local.get 0))))
    (func (export "set") (param i64) (table.set $wide (local.get 0) (ref.func $four)))
    (func (export "size") (result i64) (table.size $wide))
    (func (export "grow") (param i64) (result i64) (table.grow $wide (ref.func $three) (local.get 0)))
    (func (export "fill") (param i64 i64)
        (table.fill $wide (local.get 0) (ref.func $four) (local.get 1)))
    (func (export "init") (param i64 i32 i32)
        (table.init $wide $later (local.get 0) (local.get 1) (local.get 2)))
    (func (export "copy") (param i64 i64 i64)
        (table.copy $wide $fixed (local.get 0) (local.get 1) (local.get 2)))
    (func (export "wide to narrow") (param i32 i64 i32)
        (table.copy $narrow $wide (local.get 0) (local.get 1) (local.get 2)))
    (func (export "narrow to wide") (param i64 i32 i32)
        (table.copy $wide $narrow (local.get 0) (local.get 1) (local.get 2))))"#;

/// Indices beyond the end, of which the low bits, or the low bits of their places, are within the table.
const OUTSIDE: [u64; 9] = [
    10,
    1 << 32,
    (1 << 32) + 3,
    1 << 58,
    (1 << 59) + 3,
    (1 << 61) + 3,
    1 << 63,
    u64::MAX - 5,
    u64::MAX,
];

#[test]
fn single_elements() {
    for mut store in stores() {
        let guest = instance(&mut store, TEXT, &[]);
        assert_eq!(call::<_, _, u32>(&mut store, guest, "call", 3_u64).unwrap(), 3);
        assert_eq!(call::<_, _, u32>(&mut store, guest, "call", 4_u64).unwrap(), 4);
        assert_eq!(call::<_, _, u32>(&mut store, guest, "call fixed", 9_u64).unwrap(), 4);
        assert_trap(call::<_, _, u32>(&mut store, guest, "call", 5_u64), Trap::IndirectCallToNull);
        for index in OUTSIDE {
            for name in ["call", "call fixed", "is null"] {
                let result = call::<_, _, u32>(&mut store, guest, name, index);
                assert_trap(result, Trap::TableOutOfBounds);
            }
            let result = call::<_, _, ()>(&mut store, guest, "set", index);
            assert_trap(result, Trap::TableOutOfBounds);
        }
        call::<_, _, ()>(&mut store, guest, "set", 9_u64).unwrap();
        assert_eq!(call::<_, _, u32>(&mut store, guest, "call", 9_u64).unwrap(), 4);
        assert_eq!(call::<_, _, u32>(&mut store, guest, "is null", 8_u64).unwrap(), 1);
    }
}

#[test]
fn growth() {
    let mut store = store();
    let guest = instance(&mut store, TEXT, &[]);
    let grow = |store: &mut _, delta: u64| call::<_, _, i64>(store, guest, "grow", delta).unwrap();
    for delta in [11, 1 << 32, (1 << 32) + 1, 1 << 63, u64::MAX - 9, u64::MAX] {
        assert_eq!(grow(&mut store, delta), -1);
    }
    assert_eq!(call::<_, _, u64>(&mut store, guest, "size", ()).unwrap(), 10);
    assert_eq!(grow(&mut store, 10), 10);
    assert_eq!(call::<_, _, u64>(&mut store, guest, "size", ()).unwrap(), 20);
    assert_eq!(call::<_, _, u32>(&mut store, guest, "call", 19_u64).unwrap(), 3);
    assert_eq!(grow(&mut store, 1), -1);
    let table = guest.get_table(&mut store, "wide").unwrap();
    assert_eq!((table.size(&store), table.ty(&store).is_64()), (20, true));

    let ty = TableType::new64(RefType::FUNCREF, 0, Some(u64::MAX));
    let open = Table::new(&mut store, ty, Ref::Func(None)).unwrap();
    for delta in [10_000_001, 1 << 32, u64::MAX] {
        let message = format!("failed to grow table by `{delta}`");
        assert_error(open.grow(&mut store, delta, Ref::Func(None)), &message);
    }
    assert_eq!(open.grow(&mut store, 1000, Ref::Func(None)).unwrap(), 0);
    assert!(open.get(&mut store, 999).is_some() && open.get(&mut store, 1 << 32).is_none());
}

#[test]
fn ranges() {
    for mut store in stores() {
        let guest = instance(&mut store, TEXT, &[]);
        for index in OUTSIDE {
            let result = call::<_, _, ()>(&mut store, guest, "fill", (index, 1_u64));
            assert_trap(result, Trap::TableOutOfBounds);
            let result = call::<_, _, ()>(&mut store, guest, "fill", (1_u64, index));
            assert_trap(result, Trap::TableOutOfBounds);
            let result = call::<_, _, ()>(&mut store, guest, "init", (index, 0_u32, 1_u32));
            assert_trap(result, Trap::TableOutOfBounds);
            for params in [(index, 0, 1), (0, index, 1), (1, 0, index)] {
                let result = call::<_, _, ()>(&mut store, guest, "copy", params);
                assert_trap(result, Trap::TableOutOfBounds);
            }
            let result =
                call::<_, _, ()>(&mut store, guest, "wide to narrow", (0_u32, index, 1_u32));
            assert_trap(result, Trap::TableOutOfBounds);
            let result =
                call::<_, _, ()>(&mut store, guest, "narrow to wide", (index, 0_u32, 1_u32));
            assert_trap(result, Trap::TableOutOfBounds);
        }
        call::<_, _, ()>(&mut store, guest, "init", (7_u64, 0_u32, 3_u32)).unwrap();
        assert_eq!(call::<_, _, u32>(&mut store, guest, "call", 9_u64).unwrap(), 3);
        call::<_, _, ()>(&mut store, guest, "copy", (0_u64, 9_u64, 1_u64)).unwrap();
        assert_eq!(call::<_, _, u32>(&mut store, guest, "call", 0_u64).unwrap(), 4);
        call::<_, _, ()>(&mut store, guest, "wide to narrow", (5_u32, 0_u64, 10_u32)).unwrap_err();
        call::<_, _, ()>(&mut store, guest, "wide to narrow", (5_u32, 0_u64, 5_u32)).unwrap();
        call::<_, _, ()>(&mut store, guest, "narrow to wide", (1_u64, 5_u32, 1_u32)).unwrap();
        assert_eq!(call::<_, _, u32>(&mut store, guest, "call", 1_u64).unwrap(), 4);
        call::<_, _, ()>(&mut store, guest, "fill", (5_u64, 5_u64)).unwrap();
        assert_eq!(call::<_, _, u32>(&mut store, guest, "call", 5_u64).unwrap(), 4);
    }
}

#[test]
fn segments_and_minimums() {
    let mut store = store();
    for offset in ["10", "0x100000000", "0x800000000000000", "-1"] {
        let text = format!(
            "(module (table i64 10 funcref) (elem (i64.const {offset}) func $f) (func $f))"
        );
        assert_trap(instantiate(&mut store, &text, &[]), Trap::TableOutOfBounds);
    }
    for minimum in ["10000001", "0x100000000", "0xffffffffffffffff"] {
        let text = format!("(module (table i64 {minimum} externref))");
        let error = format!("{:#}", instantiate(&mut store, &text, &[]).unwrap_err());
        assert!(error.ends_with("elements exceeds table limits"), "{error}");
    }
}

#[test]
fn types_must_match() {
    let mut store = store();
    let wide = TableType::new64(RefType::FUNCREF, 1, Some(2));
    let wide = Table::new(&mut store, wide, Ref::Func(None)).unwrap();
    let narrow = TableType::new(RefType::FUNCREF, 1, Some(2));
    let narrow = Table::new(&mut store, narrow, Ref::Func(None)).unwrap();
    for (declared, item, found) in [
        ("table 1 funcref", wide, "table i64 1 2 funcref of 1 elements"),
        ("table i64 1 funcref", narrow, "table 1 2 funcref of 1 elements"),
    ] {
        let text = format!(r#"(module (import "m" "x" ({declared})))"#);
        assert_error(
            instantiate(&mut store, &text, &[item.into()]),
            &format!(
                "incompatible import type for `\"m\".\"x\"`: expected {declared}, found {found}"
            ),
        );
    }
    instance(&mut store, r#"(module (import "" "" (table i64 1 3 funcref)))"#, &[wide.into()]);
}
