//! Imports that get another meaning.

use crate::{assert_error, instance, store};
use palisade::{
    Caller, Engine, Func, Global, GlobalType, Instance, Mutability, Store, Trap, Val, ValType,
};

const USER: &str = r#"(module
    (import "m" "f" (func $f (param i32) (result i32)))
    (import "m" "f" (func $same (param i32) (result i32)))
    (import "m" "g" (func $g))
    (import "m" "v" (global i32))
    (table (export "table") 1 funcref)
    (elem declare func $f)
    (func (export "note") (table.set (i32.const 0) (ref.func $f)))
    (func (export "direct") (param i32) (result i32) (call $f (local.get 0)))
    (func (export "other") (param i32) (result i32) (call $same (local.get 0)))
    (func (export "leave") (param i32) (result i32) (return_call $f (local.get 0)))
    (func (export "noted") (param i32) (result i32)
        (call_indirect (param i32) (result i32) (local.get 0) (i32.const 0)))
    (func (export "loop") (param i32) (result i32) (local $sum i32)
        (loop $next
            (local.set $sum (i32.add (local.get $sum) (call $f (i32.const 1))))
            (br_if $next (local.tee 0 (i32.sub (local.get 0) (i32.const 1)))))
        (local.get $sum))
    (func (export "run") (call $g))
    (export "f" (func $f)))"#;

fn user<T>(store: &mut Store<T>, f: Func, g: Func) -> Instance {
    let v = GlobalType::new(ValType::I32, Mutability::Const);
    let v = Global::new(&mut *store, v, Val::I32(0)).unwrap();
    instance(store, USER, &[f.into(), f.into(), g.into(), v.into()])
}

fn call<T>(store: &mut Store<T>, of: &Instance, name: &str, value: i32) -> i32 {
    let func = of.get_typed_func::<i32, i32>(&mut *store, name).unwrap();
    func.call(store, value).unwrap()
}

/// From a host function to another one, to wasm, and back: each is called in another way.
#[test]
fn calls_follow_the_import() {
    let mut store = store();
    let first = Func::wrap(&mut store, |a: i32| a + 1);
    let none = Func::wrap(&mut store, || {});
    let user = user(&mut store, first, none);
    call(&mut store, &user, "direct", 0);
    let double = instance(
        &mut store,
        r#"(module (func (export "f") (param i32) (result i32)
            (i32.mul (local.get 0) (i32.const 2))))"#,
        &[],
    );
    let double = double.get_func(&mut store, "f").unwrap();
    let ty = first.ty(&store);
    let dynamic = Func::new(&mut store, ty, |_, params, results| {
        results[0] = Val::I32(params[0].unwrap_i32() - 3);
        Ok(())
    });
    user.get_typed_func::<(), ()>(&mut store, "note").unwrap().call(&mut store, ()).unwrap();
    for (func, at_5, loops) in [(double, 10, 14), (dynamic, 2, -14), (first, 6, 14)] {
        user.rebind_import(&mut store, "m", "f", func).unwrap();
        for name in ["direct", "other", "leave", "f"] {
            assert_eq!(call(&mut store, &user, name, 5), at_5, "{name}");
        }
        assert_eq!(call(&mut store, &user, "loop", 7), loops);
        // A reference stays what it was.
        assert_eq!(call(&mut store, &user, "noted", 5), 6);
    }
    user.rebind_import(&mut store, "m", "f", double).unwrap();
    user.get_typed_func::<(), ()>(&mut store, "note").unwrap().call(&mut store, ()).unwrap();
    assert_eq!(call(&mut store, &user, "noted", 5), 10);
}

#[test]
fn what_does_not_fit_is_refused() {
    let mut store = store();
    let first = Func::wrap(&mut store, |a: i32| a + 1);
    let none = Func::wrap(&mut store, || {});
    let user = user(&mut store, first, none);
    assert_error(
        user.rebind_import(&mut store, "m", "f", none),
        "incompatible import type for `\"m\".\"f\"`: expected func (i32) -> (i32), found func () -> ()",
    );
    for name in ["h", "v"] {
        assert_error(
            user.rebind_import(&mut store, "m", name, first),
            &format!("no function is imported as `\"m\".\"{name}\"`"),
        );
    }
    assert_eq!(call(&mut store, &user, "direct", 5), 6);
}

#[test]
#[should_panic(expected = "wrong store")]
fn functions_of_another_store_are_refused() {
    let mut store = store();
    let first = Func::wrap(&mut store, |a: i32| a + 1);
    let none = Func::wrap(&mut store, || {});
    let user = user(&mut store, first, none);
    let mut other = Store::new(store.engine(), ());
    let foreign = Func::wrap(&mut other, |a: i32| a);
    let _ = user.rebind_import(&mut store, "m", "f", foreign);
}

/// Running code may have read an import already.
#[test]
fn imports_are_constant_while_wasm_runs() {
    let mut store = Store::new(&Engine::default(), None::<Instance>);
    let first = Func::wrap(&mut store, |a: i32| a + 1);
    let change = Func::wrap(&mut store, |mut caller: Caller<'_, Option<Instance>>| {
        let user = caller.data().unwrap();
        let f = user.get_func(&mut caller, "f").unwrap();
        user.rebind_import(&mut caller, "m", "f", f)
    });
    let user = user(&mut store, first, change);
    *store.data_mut() = Some(user);
    let run = user.get_typed_func::<(), ()>(&mut store, "run").unwrap();
    let error = run.call(&mut store, ()).unwrap_err();
    assert!(format!("{error:#}").contains("while WebAssembly of its store runs"), "{error:#}");
    // After a trap no wasm runs.
    let ty = first.ty(&store);
    let trap = Func::new(&mut store, ty, |_, _, _| Err(Trap::UnreachableCodeReached.into()));
    user.rebind_import(&mut store, "m", "f", trap).unwrap();
    let direct = user.get_typed_func::<i32, i32>(&mut store, "direct").unwrap();
    direct.call(&mut store, 0).unwrap_err();
    user.rebind_import(&mut store, "m", "f", first).unwrap();
    assert_eq!(direct.call(&mut store, 0).unwrap(), 1);
}
