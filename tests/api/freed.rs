//! Everything that is given to the runtime is dropped, exactly once and in time.

use crate::{Drops, instance, instantiate};
use palisade::{
    Caller, Engine, ExternRef, Func, FuncType, Instance, Linker, Module, Store, Val, ValType,
};

/// A host function that owns something counted.
fn counting_func<T: 'static>(store: &mut Store<T>, drops: &Drops) -> Func {
    let owned = drops.counted();
    Func::wrap(store, move || owned.touch())
}

#[test]
fn stores_drop_what_they_own() {
    let engine = Engine::default();
    let (data, funcs, values) = (Drops::default(), Drops::default(), Drops::default());
    let mut store = Store::new(&engine, data.counted());
    counting_func(&mut store, &funcs);
    let owned = funcs.counted();
    let ty = FuncType::new(&engine, [], []);
    Func::new(&mut store, ty, move |_, _, _| {
        owned.touch();
        Ok(())
    });
    let func = counting_func(&mut store, &funcs);
    let text = r#"(module (import "" "" (func $f)) (func (export "f") (call $f)))"#;
    let guest = instance(&mut store, text, &[func.into()]);
    guest.get_typed_func::<(), ()>(&mut store, "f").unwrap().call(&mut store, ()).unwrap();
    ExternRef::new(&mut store, values.counted()).unwrap();
    let limited = data.counted();
    store.limiter(move |_| {
        limited.touch();
        unreachable!("nothing is asked for")
    });
    assert_eq!((data.count(), funcs.count(), values.count()), (0, 0, 0));
    drop(store);
    assert_eq!((data.count(), funcs.count(), values.count()), (2, 3, 1));
}

#[test]
fn data_leaves_the_store_alive() {
    let engine = Engine::default();
    let (data, funcs) = (Drops::default(), Drops::default());
    let mut store = Store::new(&engine, data.counted());
    counting_func(&mut store, &funcs);
    let kept = store.into_data();
    assert_eq!((data.count(), funcs.count()), (0, 1));
    drop(kept);
    assert_eq!(data.count(), 1);
}

#[test]
fn linkers_and_stores_share_functions() {
    let engine = Engine::default();
    let drops = Drops::default();
    let mut linker = Linker::new(&engine);
    for name in ["f", "g"] {
        let owned = drops.counted();
        linker.func_wrap("", name, move || owned.touch()).unwrap();
    }
    let module = Module::new(&engine, r#"(module (import "" "f" (func)))"#).unwrap();
    let pre = linker.instantiate_pre(&module).unwrap();
    let clone = linker.clone();
    drop(linker);
    assert_eq!(drops.count(), 0);
    drop(clone);
    assert_eq!(drops.count(), 1, "only `f` is still used, by the resolved module");
    let mut stores = [(); 2].map(|()| Store::new(&engine, ()));
    for store in &mut stores {
        pre.instantiate(store).unwrap();
    }
    drop(pre);
    let [one, two] = stores;
    drop(one);
    assert_eq!(drops.count(), 1);
    drop(two);
    assert_eq!(drops.count(), 2);
}

#[test]
fn shadowed_functions_are_dropped() {
    let engine = Engine::default();
    let drops = Drops::default();
    let mut linker = Linker::<()>::new(&engine);
    linker.allow_shadowing(true);
    for round in 0..5 {
        assert_eq!(drops.count(), if round == 0 { 0 } else { round - 1 });
        let owned = drops.counted();
        linker.func_wrap("", "f", move || owned.touch()).unwrap();
    }
}

/// A module whose instantiation fails, with imports `f` and `m`.
const FAILING: &[(&str, &str)] = &[
    ("trap in start", "(start $s) (func $s (call $f) unreachable)"),
    ("data out of bounds", r#"(data (i32.const 65536) "x")"#),
    ("element out of bounds", "(table 1 funcref) (elem (i32.const 1) func $f)"),
    ("limit of table", "(table 2000 funcref)"),
    ("missing import", r#"(import "" "absent" (func))"#),
];

#[test]
fn failed_instances_are_freed() {
    for (what, items) in FAILING {
        let (data, funcs) = (Drops::default(), Drops::default());
        let engine = Engine::default();
        // A definition must not stand before an import.
        let text =
            format!(r#"(module (import "" "f" (func $f)) (import "" "m" (memory 1)) {items})"#);
        let module = Module::new(&engine, text).unwrap();
        let limits = palisade::StoreLimitsBuilder::new().table_elements(1000).build();
        let mut store = Store::new(&engine, (data.counted(), limits));
        store.limiter(|data| &mut data.1);
        let mut linker = Linker::new(&engine);
        let owned = funcs.counted();
        linker.func_wrap("", "f", move || owned.touch()).unwrap();
        let memory = palisade::MemoryType::new(1, None);
        let memory = palisade::Memory::new(&mut store, memory).unwrap();
        linker.define(&store, "", "m", memory).unwrap();
        for _ in 0..3 {
            linker.instantiate(&mut store, &module).expect_err(what);
        }
        drop((linker, module));
        drop(store);
        assert_eq!((data.count(), funcs.count()), (1, 1), "{what}");
    }
}

#[test]
fn errors_are_freed() {
    #[derive(Debug, Clone)]
    struct Failure(std::sync::Arc<()>);
    impl std::fmt::Display for Failure {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("failure")
        }
    }
    impl std::error::Error for Failure {}

    let failure = Failure(std::sync::Arc::default());
    let engine = Engine::default();
    let mut store = Store::new(&engine, failure.clone());
    let fail = Func::wrap(&mut store, |caller: Caller<'_, Failure>| {
        Err::<(), _>(caller.data().clone().into())
    });
    let text = r#"(module (import "" "" (func $f)) (func (export "f") (call $f)))"#;
    let guest = instance(&mut store, text, &[fail.into()]);
    let f = guest.get_typed_func::<(), ()>(&mut store, "f").unwrap();
    for _ in 0..100 {
        let error = f.call(&mut store, ()).unwrap_err();
        assert_eq!(std::sync::Arc::strong_count(&failure.0), 3);
        let same = error.downcast::<Failure>().unwrap();
        assert_eq!(same.to_string(), "failure");
    }
    let error = f.call(&mut store, ()).unwrap_err();
    drop(store);
    assert_eq!(std::sync::Arc::strong_count(&failure.0), 2, "the error outlives its store");
    assert!(error.is::<Failure>() && error.backtrace().is_some());
}

#[test]
fn panics_free_what_they_pass() {
    let engine = Engine::default();
    let drops = Drops::default();
    let mut store = Store::new(&engine, ());
    let counter = drops.clone();
    let panics = Func::wrap(&mut store, move || -> () {
        let _local = counter.counted();
        std::panic::resume_unwind(Box::new(counter.counted()));
    });
    let text = r#"(module (import "" "" (func $f)) (func (export "f") (call $f)))"#;
    let guest = instance(&mut store, text, &[panics.into()]);
    let f = guest.get_typed_func::<(), ()>(&mut store, "f").unwrap();
    for round in 0..10 {
        let call = std::panic::AssertUnwindSafe(|| f.call(&mut store, ()));
        let payload = std::panic::catch_unwind(call).expect_err("the panic passes through");
        assert!(payload.is::<crate::Counted>());
        assert_eq!(drops.count(), 2 * round + 1);
        drop(payload);
    }
    assert_eq!(drops.count(), 20);
}

#[test]
fn traps_free_the_frames_of_host_functions() {
    let engine = Engine::default();
    let drops = Drops::default();
    let counter = drops.clone();
    let mut store = Store::new(&engine, ());
    // Calls back into its caller, which traps.
    let nest = Func::wrap(&mut store, move |mut caller: Caller<'_, ()>, depth: i32| {
        let _local = counter.counted();
        let run = caller.get_export("run").unwrap().into_func().unwrap();
        run.call(&mut caller, &[Val::I32(depth - 1)], &mut [])
    });
    let text = r#"(module (import "" "" (func $nest (param i32)))
        (func (export "run") (param i32)
            (if (i32.eqz (local.get 0)) (then unreachable))
            (call $nest (local.get 0))))"#;
    let guest = instance(&mut store, text, &[nest.into()]);
    let run = guest.get_typed_func::<i32, ()>(&mut store, "run").unwrap();
    let error = run.call(&mut store, 20).unwrap_err();
    assert_eq!(error.downcast_ref(), Some(&palisade::Trap::UnreachableCodeReached));
    assert_eq!(drops.count(), 20);
}

#[test]
fn modules_live_as_long_as_they_are_used() {
    let engine = Engine::default();
    let mut store = Store::new(&engine, ());
    let ty = FuncType::new(&engine, [ValType::I32], [ValType::I32]);
    let text = r#"(module (func (export "f") (param i32) (result i32)
        (i32.add (local.get 0) (i32.const 1))))"#;
    let guest = instance(&mut store, text, &[]);
    drop(engine);
    let f = guest.get_func(&mut store, "f").unwrap();
    assert_eq!(f.ty(&store), ty);
    let module = guest.module(&store);
    drop(store);
    let mut store = Store::new(module.engine(), ());
    let again = Instance::new(&mut store, &module, &[]).unwrap();
    drop(module);
    let f = again.get_typed_func::<i32, i32>(&mut store, "f").unwrap();
    assert_eq!(f.call(&mut store, 1).unwrap(), 2);
}

#[test]
fn compilation_errors_leave_the_engine_usable() {
    let engine = Engine::default();
    for round in 0..200 {
        assert!(Module::new(&engine, "(module (func (result i32)))").is_err());
        let text = format!(r#"(module (func (export "f") (result i32) (i32.const {round})))"#);
        let mut store = Store::new(&engine, ());
        let guest = instantiate(&mut store, &text, &[]).unwrap();
        let f = guest.get_typed_func::<(), i32>(&mut store, "f").unwrap();
        assert_eq!(f.call(&mut store, ()).unwrap(), round);
    }
}
