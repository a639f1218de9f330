//! Items belong to a store, and types to an engine: mixing them up is refused, never undefined.

use crate::{assert_error, instance, module, store};
use palisade::{
    AsContext, Engine, ExternRef, Func, FuncType, Global, GlobalType, Linker, Memory, MemoryType,
    Module, Mutability, Ref, RefType, Store, Table, TableType, Trap, Val, ValType,
};
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Asserts that `body` panics with this message.
#[track_caller]
fn assert_panics(what: &str, message: &str, body: impl FnOnce()) {
    let payload = catch_unwind(AssertUnwindSafe(body)).expect_err(what);
    let text = payload.downcast_ref::<&str>().map(|text| text.to_string());
    let text = text.or_else(|| payload.downcast_ref::<String>().cloned());
    assert_eq!(text.as_deref(), Some(message), "{what}");
}

#[test]
fn items_of_another_store_panic() {
    let engine = Engine::default();
    let (mut own, mut other) = (Store::new(&engine, ()), Store::new(&engine, ()));
    let func = Func::wrap(&mut own, || 1);
    let typed = func.typed::<(), i32>(&own).unwrap();
    let memory = Memory::new(&mut own, MemoryType::new(1, None)).unwrap();
    let table_type = TableType::new(RefType::FUNCREF, 1, None);
    let table = Table::new(&mut own, table_type.clone(), Ref::Func(None)).unwrap();
    let global_type = GlobalType::new(ValType::FUNCREF, Mutability::Var);
    let global = Global::new(&mut own, global_type, Val::null_func_ref()).unwrap();
    let guest = instance(&mut own, "(module (func (export \"f\")))", &[]);
    let value = ExternRef::new(&mut own, 1).unwrap();
    let importer = module(&own, r#"(module (import "" "" (func (result i32))))"#);
    let foreign = Table::new(&mut other, table_type, Ref::Func(None)).unwrap();
    let mut linker = Linker::new(&engine);
    linker.define(&own, "", "", func).unwrap();
    let mut store = other;
    type Use<'a> = Box<dyn FnOnce(&mut Store<()>) + 'a>;
    let uses: Vec<(&str, Use<'_>)> = vec![
        ("func call", Box::new(|s| drop(func.call(s, &[], &mut [Val::I32(0)])))),
        ("func type", Box::new(|s| drop(func.ty(s)))),
        ("typed call", Box::new(|s| drop(typed.call(s, ())))),
        ("memory", Box::new(|s| assert!(!memory.data(&*s).is_empty()))),
        ("memory growth", Box::new(|s| drop(memory.grow(s, 1)))),
        ("table", Box::new(|s| assert!(table.get(s, 0).is_some()))),
        ("global", Box::new(|s| assert!(global.get(s).func_ref().is_some()))),
        ("instance", Box::new(|s| assert!(guest.get_export(s, "f").is_some()))),
        ("host value", Box::new(|s| drop(value.data(&*s)))),
        ("import", Box::new(|s| drop(palisade::Instance::new(s, &importer, &[func.into()])))),
        ("linked import", Box::new(|s| drop(linker.instantiate(s, &importer)))),
        ("definition", Box::new(|s| assert!(linker.clone().define(&*s, "x", "", func).is_ok()))),
        ("element", Box::new(|s| drop(foreign.set(s, 0, func.into())))),
    ];
    for (what, body) in uses {
        assert_panics(what, "object used with the wrong store", || body(&mut store));
    }
    assert_eq!(typed.call(&mut own, ()).unwrap(), 1);
}

#[test]
fn modules_of_another_engine_are_refused() {
    let mut store = store();
    let other = Engine::default();
    let module = Module::new(&other, "(module)").unwrap();
    let message = "cross-`Engine` instantiation is not supported";
    assert_error(palisade::Instance::new(&mut store, &module, &[]), message);
    assert_error(Linker::new(&other).instantiate(&mut store, &module), message);
    assert_error(Linker::new(store.engine()).instantiate(&mut store, &module), message);
}

/// Calls its import through a table: as what it is, and as a function of another type.
const INDIRECT: &str = r#"(module
    (type $right (func (param i32) (result i32)))
    (type $wrong (func (param f64) (result f64)))
    (import "host" "f" (func $f (type $right)))
    (table 1 funcref)
    (elem (i32.const 0) func $f)
    (func (export "right") (result i32)
        (call_indirect (type $right) (i32.const 1) (i32.const 0)))
    (func (export "wrong") (result f64)
        (call_indirect (type $wrong) (f64.const 1) (i32.const 0))))"#;

/// What matters of a function that was made for another engine: it is refused, by an error or a panic, or it works.
#[track_caller]
fn assert_refused_or_right(
    store: &mut Store<()>,
    make: impl FnOnce(&mut Store<()>, &Module) -> palisade::Result<palisade::Instance>,
) {
    let guest = module(store, INDIRECT);
    let made = catch_unwind(AssertUnwindSafe(|| make(store, &guest)));
    let Ok(Ok(instance)) = made else { return };
    let wrong = instance.get_typed_func::<(), f64>(&mut *store, "wrong").unwrap();
    let error = wrong.call(&mut *store, ()).expect_err("a call with the wrong type");
    assert_eq!(error.downcast_ref(), Some(&Trap::BadSignature));
    let right = instance.get_typed_func::<(), i32>(&mut *store, "right").unwrap();
    assert_eq!(right.call(&mut *store, ()).expect("a call with the right type"), 2);
}

/// An engine in which the right type is the second, as the wrong type is in an engine that knows only `INDIRECT`.
fn engine_of_other_order() -> (Engine, FuncType) {
    let engine = Engine::default();
    let _first = FuncType::new(&engine, [ValType::F32], [ValType::F32]);
    let right = FuncType::new(&engine, [ValType::I32], [ValType::I32]);
    (engine, right)
}

#[test]
fn linkers_of_another_engine_do_not_confuse_types() {
    let (other, _ty) = engine_of_other_order();
    let mut linker = Linker::new(&other);
    linker.func_wrap("host", "f", |x: i32| x + 1).unwrap();
    assert_refused_or_right(&mut store(), |store, guest| linker.instantiate(store, guest));
}

#[test]
fn types_of_another_engine_do_not_confuse_types() {
    let (_other, ty) = engine_of_other_order();
    assert_refused_or_right(&mut store(), |store, guest| {
        let f = Func::new(&mut *store, ty, |_, params, results| {
            results[0] = Val::I32(params[0].unwrap_i32() + 1);
            Ok(())
        });
        palisade::Instance::new(store, guest, &[f.into()])
    });
}

#[test]
fn functions_of_another_store_stop_the_host_function_that_gives_them() {
    let engine = Engine::default();
    let foreign = Func::wrap(&mut Store::new(&engine, ()), || {});
    let mut store = Store::new(&engine, ());
    let give = Func::wrap(&mut store, move || Some(foreign));
    let text = r#"(module (import "" "" (func $give (result funcref)))
        (func (export "f") (drop (call $give))))"#;
    let guest = instance(&mut store, text, &[give.into()]);
    let f = guest.get_typed_func::<(), ()>(&mut store, "f").unwrap();
    for _ in 0..3 {
        let message = "object used with the wrong store";
        assert_panics("guest", message, || drop(f.call(&mut store, ())));
        assert_panics("host", message, || drop(give.call(&mut store, &[], &mut [Val::I32(0)])));
    }
}

#[test]
fn stores_know_engine_and_data() {
    let engine = Engine::default();
    let mut store = Store::new(&engine, vec![1]);
    store.data_mut().push(2);
    assert!(Engine::same(store.engine(), &engine));
    assert!(Engine::same(store.as_context().engine(), &engine.clone()));
    assert_eq!(format!("{store:?}"), "Store { data: [1, 2], .. }");
    assert_eq!(store.into_data(), [1, 2]);
}
