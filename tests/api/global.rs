//! Globals, as the host uses them.

use crate::{assert_error, instance, store};
use palisade::{ExternRef, Func, Global, GlobalType, Mutability, V128, Val, ValType};

#[test]
fn guests_and_host_share_globals() {
    let mut store = store();
    let text = r#"(module
        (import "" "in" (global $in (mut i32)))
        (import "" "const" (global $const f64))
        (global $out (export "out") (mut i64) (i64.const -5))
        (global (export "sum") f64 (global.get $const))
        (func (export "step")
            (global.set $in (i32.mul (global.get $in) (i32.const 2)))
            (global.set $out (i64.extend_i32_s (global.get $in)))))"#;
    let variable = GlobalType::new(ValType::I32, Mutability::Var);
    let constant = GlobalType::new(ValType::F64, Mutability::Const);
    let variable = Global::new(&mut store, variable, Val::I32(21)).unwrap();
    let constant = Global::new(&mut store, constant, 2.5_f64.into()).unwrap();
    let guest = instance(&mut store, text, &[variable.into(), constant.into()]);
    let out = guest.get_global(&mut store, "out").unwrap();
    assert_eq!(out.get(&mut store).unwrap_i64(), -5);
    let step = guest.get_typed_func::<(), ()>(&mut store, "step").unwrap();
    step.call(&mut store, ()).unwrap();
    assert_eq!(variable.get(&mut store).unwrap_i32(), 42);
    variable.set(&mut store, Val::I32(-50)).unwrap();
    step.call(&mut store, ()).unwrap();
    assert_eq!(out.get(&mut store).unwrap_i64(), -100);
    let sum = guest.get_global(&mut store, "sum").unwrap();
    assert_eq!(sum.get(&mut store).unwrap_f64(), 2.5);
    assert_eq!(sum.ty(&store).to_string(), "global f64");
    assert_eq!(out.ty(&store).mutability(), Mutability::Var);
}

#[test]
fn mutability_and_types_are_checked() {
    let mut store = store();
    let text = r#"(module (global (export "c") i32 (i32.const 1))
        (global (export "v") (mut i32) (i32.const 1)))"#;
    let guest = instance(&mut store, text, &[]);
    let constant = guest.get_global(&mut store, "c").unwrap();
    assert_error(constant.set(&mut store, Val::I32(2)), "immutable global cannot be set");
    let variable = guest.get_global(&mut store, "v").unwrap();
    for (value, found) in
        [(Val::I64(2), "i64"), (Val::null_extern_ref(), "externref"), (Val::F32(0), "f32")]
    {
        let message = format!("type mismatch: expected i32, found {found}");
        assert_error(variable.set(&mut store, value), &message);
        let ty = variable.ty(&store);
        let made = Global::new(&mut store, ty, value);
        assert_error(made, &message);
    }
    for global in [constant, variable] {
        assert_eq!(global.get(&mut store).unwrap_i32(), 1);
    }
}

#[test]
fn references_in_globals() {
    let mut store = store();
    let text = r#"(module
        (global $f (export "f") (mut funcref) (ref.func $seven))
        (global $e (export "e") (mut externref) (ref.null extern))
        (func $seven (result i32) (i32.const 7))
        (func (export "clear") (global.set $f (ref.null func)))
        (func (export "is_null") (result i32) (ref.is_null (global.get $e))))"#;
    let guest = instance(&mut store, text, &[]);
    let f = guest.get_global(&mut store, "f").unwrap();
    let seven = f.get(&mut store).unwrap_func_ref().expect("not null");
    assert_eq!(seven.typed::<(), i32>(&store).unwrap().call(&mut store, ()).unwrap(), 7);
    let eight = Func::wrap(&mut store, || 8);
    f.set(&mut store, eight.into()).unwrap();
    let eight = f.get(&mut store).unwrap_func_ref().expect("not null");
    assert_eq!(eight.typed::<(), i32>(&store).unwrap().call(&mut store, ()).unwrap(), 8);
    guest.get_typed_func::<(), ()>(&mut store, "clear").unwrap().call(&mut store, ()).unwrap();
    assert!(f.get(&mut store).unwrap_func_ref().is_none());
    let e = guest.get_global(&mut store, "e").unwrap();
    let is_null = guest.get_typed_func::<(), i32>(&mut store, "is_null").unwrap();
    assert_eq!(is_null.call(&mut store, ()).unwrap(), 1);
    let value = ExternRef::new(&mut store, "kept").unwrap();
    e.set(&mut store, value.into()).unwrap();
    assert_eq!(is_null.call(&mut store, ()).unwrap(), 0);
    let rooted = e.get(&mut store).unwrap_extern_ref().expect("not null");
    let data = rooted.data(&store).unwrap().unwrap();
    assert_eq!(data.downcast_ref::<&str>(), Some(&"kept"));
}

#[test]
fn vectors_in_globals_of_the_host() {
    let mut store = store();
    let ty = GlobalType::new(ValType::V128, Mutability::Var);
    let bits = 0x0123_4567_89ab_cdef_0011_2233_4455_6677_u128;
    let global = Global::new(&mut store, ty, V128::from(bits).into()).unwrap();
    assert_eq!(global.get(&mut store).unwrap_v128().as_u128(), bits);
    global.set(&mut store, V128::from(!bits).into()).unwrap();
    assert_eq!(global.get(&mut store).unwrap_v128().as_u128(), !bits);
}
