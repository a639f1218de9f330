//! Accesses at the end of memory: the last that fits works, one byte further is a trap that writes nothing.

use crate::{engine, instance};
use palisade::{AsContextMut, Instance, Store, Trap};

const PAGE: usize = 64 << 10;

/// Loads and stores, with the bytes that they access.
const LOADS: &[(&str, usize)] = &[
    ("v128.load", 16),
    ("v128.load8x8_s", 8),
    ("v128.load8x8_u", 8),
    ("v128.load16x4_s", 8),
    ("v128.load16x4_u", 8),
    ("v128.load32x2_s", 8),
    ("v128.load32x2_u", 8),
    ("v128.load8_splat", 1),
    ("v128.load16_splat", 2),
    ("v128.load32_splat", 4),
    ("v128.load64_splat", 8),
    ("v128.load32_zero", 4),
    ("v128.load64_zero", 8),
];
const LANES: &[(&str, usize)] = &[("8", 1), ("16", 2), ("32", 4), ("64", 8)];

/// Offsets that are within a guard region, beyond it, and beyond what fits a displacement.
const OFFSETS: &[u64] = &[0, 1, 4096, 60_000, 40 << 20, 3 << 30, u32::MAX as u64];

/// Runs `f(address)` of a module with `body`, which accesses `size` bytes at `offset` from its parameter, in memories with
/// indices of both types.
#[track_caller]
fn check(what: &str, body: &str, size: usize, offset: u64) {
    check_memory(what, "i32", body, size, offset);
    check_memory(what, "i64", &body.replace("(local.get 0)", "(local.get 1)"), size, offset);
}

#[track_caller]
fn check_memory(what: &str, index: &str, body: &str, size: usize, offset: u64) {
    let constant = format!("({index}.const {})", PAGE - size + 1);
    let text = format!(
        "(module (memory (export \"m\") {index} 1)
            (func (export \"f\") (param i32) (local i64)
                (local.set 1 (i64.extend_i32_u (local.get 0))) {body})
            (func (export \"constant\") {}))",
        body.replace("(local.get 0)", &constant).replace("(local.get 1)", &constant),
    );
    let (mut store, instance) = instance(&engine(|config| config), &text);
    let last = (PAGE - size) as u64;
    if let Some(index) = last.checked_sub(offset) {
        run(&mut store, instance, index).unwrap_or_else(|e| panic!("{what} at the end: {e:?}"));
    }
    fill(&mut store, instance, 0x5a);
    for beyond in [1, size as u64 - 1, size as u64, PAGE as u64, u64::from(u32::MAX)] {
        let Some(index) = (last + beyond.max(1)).checked_sub(offset) else { continue };
        let index = index.min(u32::MAX.into());
        if index + offset <= last {
            continue;
        }
        let error = run(&mut store, instance, index).expect_err(what);
        let trap = error.downcast_ref::<Trap>().copied();
        assert_eq!(trap, Some(Trap::MemoryOutOfBounds), "{what} at {index} + {offset}");
    }
    let constant = instance.get_typed_func::<(), ()>(&mut store, "constant").unwrap();
    let error = constant.call(&mut store, ()).expect_err(what);
    assert_eq!(error.downcast_ref::<Trap>(), Some(&Trap::MemoryOutOfBounds), "{what}, constant");
    let memory = instance.get_memory(&mut store, "m").unwrap();
    assert!(memory.data(&store).iter().all(|byte| *byte == 0x5a), "{what}: a trap has written");
}

fn run(store: &mut Store<()>, instance: Instance, index: u64) -> palisade::Result<()> {
    let f = instance.get_typed_func::<i32, ()>(&mut *store, "f").unwrap();
    f.call(store.as_context_mut(), index as u32 as i32)
}

fn fill(store: &mut Store<()>, instance: Instance, byte: u8) {
    instance.get_memory(&mut *store, "m").unwrap().data_mut(store).fill(byte);
}

#[test]
fn loads_end_where_memory_ends() {
    for (load, size) in LOADS {
        for offset in OFFSETS {
            let body = format!("(drop ({load} offset={offset} (local.get 0)))");
            check(load, &body, *size, *offset);
        }
    }
}

#[test]
fn lane_loads_end_where_memory_ends() {
    for (bits, size) in LANES {
        for offset in OFFSETS {
            let vector = "(v128.const i64x2 1 2)";
            let load = format!("v128.load{bits}_lane");
            let body = format!("(drop ({load} offset={offset} 1 (local.get 0) {vector}))");
            check(&load, &body, *size, *offset);
        }
    }
}

#[test]
fn stores_end_where_memory_ends() {
    for offset in OFFSETS {
        let vector = "(v128.const i64x2 1 2)";
        let body = format!("(v128.store offset={offset} (local.get 0) {vector})");
        check("v128.store", &body, 16, *offset);
        for (bits, size) in LANES {
            let store = format!("v128.store{bits}_lane");
            let body = format!("({store} offset={offset} 1 (local.get 0) {vector})");
            check(&store, &body, *size, *offset);
        }
    }
}

#[test]
fn lane_stores_write_their_lane_only() {
    let (mut store, instance) = instance(
        &engine(|config| config),
        "(module (memory (export \"m\") 1)
            (func (export \"f\") (param i32)
                (v128.store8_lane 15 (local.get 0) (v128.const i8x16 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 8))
                (v128.store16_lane offset=2 7 (local.get 0) (v128.const i16x8 0 0 0 0 0 0 0 16))
                (v128.store32_lane offset=5 3 (local.get 0) (v128.const i32x4 0 0 0 32))
                (v128.store64_lane offset=10 1 (local.get 0) (v128.const i64x2 0 64))))",
    );
    fill(&mut store, instance, 0xff);
    run(&mut store, instance, 0).unwrap();
    let memory = instance.get_memory(&mut store, "m").unwrap();
    assert_eq!(
        &memory.data(&store)[..20],
        [8, 255, 16, 0, 255, 32, 0, 0, 0, 255, 64, 0, 0, 0, 0, 0, 0, 0, 255, 255]
    );
}
