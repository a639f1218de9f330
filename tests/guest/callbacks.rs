//! Closures of the host in tables of guests.

use crate::{Host, assert_error, library};
use palisade::{Caller, Engine, Error, Func, Module, Ref, Result, Store, Trap};
use palisade_guest::{Callback, Guest, GuestBuilder, GuestError, GuestPtr};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Calls what it is given, and exports a table that can grow.
const CALLER: &str = r#"(module
    (memory (export "memory") 1)
    (table (export "TABLE") 1 funcref)
    (func (export "size") (result i32) (table.size 0))
    (func (export "apply") (param $f i32) (param $x i32) (result i32)
        (call_indirect (param i32) (result i32) (local.get $x) (local.get $f)))
    (func (export "apply0") (param $f i32) (call_indirect (local.get $f)))
    (func (export "apply8") (param $f i32) (result f64)
        (call_indirect (param i32 i64 f32 f64 i32 i64 f32 f64) (result f64)
            (i32.const 1) (i64.const 2) (f32.const 3) (f64.const 4)
            (i32.const 5) (i64.const 6) (f32.const 7) (f64.const 8) (local.get $f)))
    (table $kept 1 funcref)
    (func (export "keep") (param i32) (table.set $kept (i32.const 0) (table.get 0 (local.get 0))))
    (func (export "kept") (param i32) (result i32)
        (call_indirect $kept (param i32) (result i32) (local.get 0) (i32.const 0))))"#;

#[test]
fn functions_in_c_call_closures() {
    let mut host = library("callbacks");
    let (store, guest) = (&mut host.store, &host.guest);
    let apply = guest.func::<(Callback, i32), i32>(&mut *store, "apply").unwrap();
    let offset = 100;
    let add = guest.add_callback(&mut *store, move |x: i32| x + offset).unwrap();
    assert_eq!(apply.call(&mut *store, (add, 7)).unwrap(), 107);

    // qsort, which gives pointers to what it compares.
    let inner = guest.clone();
    let less = guest
        .add_callback(
            &mut *store,
            move |mut caller: Caller<'_, i32>, a: u32, b: u32| -> Result<i32> {
                *caller.data_mut() += 1;
                let view = inner.view(&caller);
                let [a, b] = [view.get::<i32>(a)?, view.get::<i32>(b)?];
                Ok(b.cmp(&a) as i32)
            },
        )
        .unwrap();
    let sort = guest.func::<(&mut [i32], i32, Callback), ()>(&mut *store, "sort").unwrap();
    let mut values = [3, 1, 4, 1, 5, 9, 2, 6];
    sort.call(&mut *store, (&mut values, 8, less)).unwrap();
    assert_eq!(values, [9, 6, 5, 4, 3, 2, 1, 1]);
    assert!(*store.data() >= 7);

    let fold = guest.func::<(&[f64], i32, Callback), f64>(&mut *store, "fold").unwrap();
    let max = guest.add_callback(&mut *store, f64::max).unwrap();
    assert_eq!(fold.call(&mut *store, (&[1.0, 7.5, 3.0], 3, max)).unwrap(), 7.5);
    for callback in [add, less, max] {
        guest.remove_callback(&mut *store, callback).unwrap();
    }
}

#[test]
fn places_and_functions_are_used_again() {
    let mut host = Host::new(CALLER);
    let (store, guest) = (&mut host.store, &host.guest);
    let apply = guest.func::<(Callback, i32), i32>(&mut *store, "apply").unwrap();
    let first = guest.add_callback(&mut *store, |x: i32| x + 1).unwrap();
    let second = guest.add_callback(&mut *store, |x: i32| x + 2).unwrap();
    assert_eq!((first.index(), second.index()), (1, 2));
    guest.remove_callback(&mut *store, first).unwrap();
    // Of another type, at the same place.
    let third = guest.add_callback(&mut *store, || ()).unwrap();
    assert_eq!(third.index(), 1);
    assert_error(apply.call(&mut *store, (third, 0)), &Trap::BadSignature.to_string());
    guest.remove_callback(&mut *store, third).unwrap();
    for n in 0..1000 {
        let callback = guest.add_callback(&mut *store, move |x: i32| x * n).unwrap();
        assert_eq!(callback.index(), 1);
        assert_eq!(apply.call(&mut *store, (callback, 3)).unwrap(), 3 * n);
        guest.remove_callback(&mut *store, callback).unwrap();
    }
    assert_eq!(apply.call(&mut *store, (second, 40)).unwrap(), 42);
    assert_eq!(host.call::<(), i32>("size", ()), 3);
}

#[test]
fn what_is_removed_is_dropped_and_not_called_again() {
    let mut host = Host::new(CALLER);
    let (store, guest) = (&mut host.store, &host.guest);
    let captured = Arc::new(());
    let held = captured.clone();
    let callback =
        guest.add_callback(&mut *store, move |x: i32| x + Arc::strong_count(&held) as i32).unwrap();
    let keep = guest.func::<Callback, ()>(&mut *store, "keep").unwrap();
    keep.call(&mut *store, callback).unwrap();
    let kept = guest.func::<i32, i32>(&mut *store, "kept").unwrap();
    assert_eq!(kept.call(&mut *store, 40).unwrap(), 42);
    guest.remove_callback(&mut *store, callback).unwrap();
    assert_eq!(Arc::strong_count(&captured), 1);

    let apply = guest.func::<(Callback, i32), i32>(&mut *store, "apply").unwrap();
    let error = apply.call(&mut *store, (callback, 1)).unwrap_err();
    assert_eq!(error.downcast_ref(), Some(&Trap::IndirectCallToNull));
    assert_error(
        kept.call(&mut *store, 1),
        "the guest calls a function of the host that was removed from its table",
    );
    let twice = guest.remove_callback(&mut *store, callback).unwrap_err();
    assert_eq!(twice.downcast_ref(), Some(&GuestError::NotACallback { index: 1 }));
}

#[test]
fn closures_live_as_long_as_guest_and_store() {
    let captured = Arc::new(());
    let mut host = Host::new(CALLER);
    let held = captured.clone();
    // It has the guest that has it, as closures that read their guest's memory do.
    let guest = host.guest.clone();
    let closure = move || drop((held.clone(), guest.clone()));
    host.guest.add_callback(&mut host.store, closure).unwrap();
    assert_eq!(Arc::strong_count(&captured), 2);
    drop(host);
    assert_eq!(Arc::strong_count(&captured), 1);
}

#[test]
fn closures_may_remove_themselves_and_add_others() {
    let mut host = Host::new(CALLER);
    let (store, guest) = (&mut host.store, &host.guest);
    let inner = guest.clone();
    let place = Arc::new(std::sync::OnceLock::<Callback>::new());
    let own = place.clone();
    let alive = Arc::new(());
    let held = alive.clone();
    let callback = guest
        .add_callback(&mut *store, move |mut caller: Caller<'_, ()>, x: i32| -> Result<i32> {
            inner.remove_callback(&mut caller, *own.get().unwrap())?;
            let other = inner.add_callback(&mut caller, |x: i32| x * 2)?;
            let apply = inner.func::<(Callback, i32), i32>(&mut caller, "apply")?;
            // Still there, as it is running.
            Ok(apply.call(&mut caller, (other, x))? + Arc::strong_count(&held) as i32)
        })
        .unwrap();
    place.set(callback).unwrap();
    let apply = guest.func::<(Callback, i32), i32>(&mut *store, "apply").unwrap();
    assert_eq!(apply.call(&mut *store, (callback, 20)).unwrap(), 42);
    assert_eq!(Arc::strong_count(&alive), 1);
    // The other one has its place.
    assert_eq!(apply.call(&mut *store, (callback, 20)).unwrap(), 40);
}

#[test]
fn closures_of_eight_parameters_and_none() {
    let mut host = Host::new(CALLER);
    let (store, guest) = (&mut host.store, &host.guest);
    let calls = Arc::new(AtomicUsize::new(0));
    let counted = calls.clone();
    let none = guest
        .add_callback(&mut *store, move || {
            counted.fetch_add(1, Ordering::Relaxed);
        })
        .unwrap();
    let apply = guest.func::<Callback, ()>(&mut *store, "apply0").unwrap();
    apply.call(&mut *store, none).unwrap();
    assert_eq!(calls.load(Ordering::Relaxed), 1);
    let eight = guest
        .add_callback(
            &mut *store,
            |a: i32, b: i64, c: f32, d: f64, e: u32, f: u64, g: f32, h: f64| -> f64 {
                let numbers = [a.into(), b as f64, c.into(), d, e.into(), f as f64, g.into(), h];
                numbers.iter().fold(0.0, |sum, digit| sum * 10.0 + digit)
            },
        )
        .unwrap();
    let apply = guest.func::<Callback, f64>(&mut *store, "apply8").unwrap();
    assert_eq!(apply.call(&mut *store, eight).unwrap(), 12345678.0);
}

#[test]
fn errors_and_panics_of_closures_pass_through() {
    let mut host = Host::new(CALLER);
    let (store, guest) = (&mut host.store, &host.guest);
    let apply = guest.func::<(Callback, i32), i32>(&mut *store, "apply").unwrap();
    let failing = |_: i32| -> Result<i32> { Err(Error::msg("no")) };
    let failing = guest.add_callback(&mut *store, failing).unwrap();
    assert_error(apply.call(&mut *store, (failing, 1)), "no");
    let panicking = guest.add_callback(&mut *store, |_: i32| -> i32 { panic!("oh") }).unwrap();
    let caught = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        apply.call(&mut *store, (panicking, 1))
    }));
    assert_eq!(caught.unwrap_err().downcast_ref(), Some(&"oh"));
    // The guest is as usable as before.
    let fine = guest.add_callback(&mut *store, |x: i32| x).unwrap();
    assert_eq!(apply.call(&mut *store, (fine, 5)).unwrap(), 5);
}

#[test]
fn callbacks_grow_memory_and_call_back() {
    let text = r#"(module
        (memory (export "memory") 1)
        (table (export "table") 1 funcref)
        (func (export "twice") (param $f i32) (param $at i32) (result i32)
            (call_indirect (param i32) (result i32) (local.get $at) (local.get $f))
            (call_indirect (param i32) (result i32) (local.get $at) (local.get $f))
            i32.add)
        (func (export "grow") (param i32) (result i32) (memory.grow (local.get 0))))"#;
    let mut host = Host::new(text);
    let (store, guest) = (&mut host.store, &host.guest);
    let inner = guest.clone();
    let grow = guest.func::<i32, i32>(&mut *store, "grow").unwrap();
    let callback = guest
        .add_callback(&mut *store, move |mut caller: Caller<'_, ()>, at: u32| -> Result<i32> {
            inner.view_mut(&mut caller).set(at, &1u8)?;
            let pages = grow.call(&mut caller, 1)?;
            // Beyond what there was before.
            let last = GuestPtr::<u8>::new(pages as u32 * 65536);
            inner.view_mut(&mut caller).set(last, &7)?;
            Ok(pages)
        })
        .unwrap();
    let twice = guest.func::<(Callback, u32), i32>(&mut *store, "twice").unwrap();
    assert_eq!(twice.call(&mut *store, (callback, 9)).unwrap(), 1 + 2);
    assert_eq!(guest.view(&*store).get::<u8>(2 * 65536u32).unwrap(), 7);
}

#[test]
fn functions_that_exist_already_are_placed_too() {
    let mut host = Host::new(CALLER);
    let (store, guest) = (&mut host.store, &host.guest);
    let func = Func::wrap(&mut *store, |x: i32| x + 2);
    let callback = guest.add_function(&mut *store, func).unwrap();
    let apply = guest.func::<(Callback, i32), i32>(&mut *store, "apply").unwrap();
    assert_eq!(apply.call(&mut *store, (callback, 40)).unwrap(), 42);
    // And found again, as the guest's function pointers are.
    let func = guest.table_func(&mut *store, callback.index()).unwrap();
    let bound = guest.bind::<i32, i32>(&*store, func, "a function").unwrap();
    assert_eq!(bound.call(&mut *store, 1).unwrap(), 3);
    assert_error(
        guest.bind::<f32, i32>(&*store, func, "a function").map(|_| ()),
        "the guest's function `a function` has the type (i32) -> (i32), but is used as (f32) -> \
         (i32)",
    );
    guest.remove_callback(&mut *store, callback).unwrap();
    for index in [0, 1, 2, u32::MAX] {
        assert_error(
            guest.table_func(&mut *store, index),
            &format!("no function is at index {index} of the guest's table"),
        );
    }
}

#[test]
fn tables_that_take_none_are_named() {
    let add = |text: &str| {
        let mut host = Host::new(text);
        host.guest.add_callback(&mut host.store, || ()).map(|callback| callback.index())
    };
    let none = "no function can be placed in the guest's table: ";
    assert_error(
        add(r#"(module (memory (export "memory") 1))"#),
        &format!("{none}the guest exports no table"),
    );
    assert_error(
        add(r#"(module (memory (export "memory") 1)
            (table (export "a") 1 funcref) (table (export "b") 1 funcref))"#),
        &format!("{none}the guest exports several tables; give one to `GuestBuilder::table`"),
    );
    assert_error(
        add(r#"(module (memory (export "memory") 1) (table (export "t") 3 3 funcref))"#),
        &format!(
            "{none}it has 3 elements, which is its maximum (Emscripten makes tables that can grow \
             with `-sALLOW_TABLE_GROWTH`)"
        ),
    );
    let error = add(r#"(module (memory (export "memory") 1) (table (export "t") 3 externref))"#);
    let message = format!("{:#}", error.unwrap_err());
    assert!(message.contains("expected externref, found funcref"), "{message}");
    // An empty table: index 0 is the null pointer, and stays free.
    let empty = r#"(module (memory (export "memory") 1) (table (export "t") 0 funcref))"#;
    assert_eq!(add(empty).unwrap(), 1);
    let two = r#"(module (memory (export "memory") 1) (table (export "x") 7 funcref)
        (table (export "__indirect_function_table") 4 funcref))"#;
    assert_eq!(add(two).unwrap(), 4);
    let two = r#"(module (memory (export "memory") 1) (table (export "x") 7 funcref)
        (table (export "table") 5 funcref))"#;
    assert_eq!(add(two).unwrap(), 5);
}

/// What could not be placed is dropped, and the next one that can be is.
#[test]
fn failing_to_place_leaves_nothing() {
    let captured = Arc::new(());
    let full = r#"(module (memory (export "memory") 1) (table (export "t") 1 2 funcref))"#;
    let mut host = Host::new(full);
    let (store, guest) = (&mut host.store, &host.guest);
    let closure = || {
        let held = captured.clone();
        move || Arc::strong_count(&held) as i32
    };
    let first = guest.add_callback(&mut *store, closure()).unwrap();
    assert!(guest.add_callback(&mut *store, closure()).is_err());
    assert_eq!(Arc::strong_count(&captured), 2);
    guest.remove_callback(&mut *store, first).unwrap();
    let second = guest.add_callback(&mut *store, closure()).unwrap();
    assert_eq!(second, first);
    let func = guest.table_func(&mut *store, second.index()).unwrap();
    let func = guest.bind::<(), i32>(&*store, func, "it").unwrap();
    assert_eq!(func.call(&mut *store, ()).unwrap(), 2);
}

#[test]
fn a_guest_may_change_its_table() {
    let mut host = Host::new(CALLER);
    let (store, guest) = (&mut host.store, &host.guest);
    let callback = guest.add_callback(&mut *store, |x: i32| x).unwrap();
    let table = guest.instance().get_table(&mut *store, "TABLE").unwrap();
    table.set(&mut *store, 1, Ref::Func(None)).unwrap();
    guest.remove_callback(&mut *store, callback).unwrap();
}

#[test]
fn imported_tables_are_given() {
    let engine = Engine::default();
    let mut store = Store::new(&engine, ());
    let module = Module::new(
        &engine,
        r#"(module (import "env" "table" (table 1 funcref)) (memory (export "memory") 1)
            (func (export "run") (param i32) (result i32)
                (call_indirect (result i32) (local.get 0))))"#,
    )
    .unwrap();
    let ty = palisade::TableType::new(palisade::RefType::FUNCREF, 5, None);
    let table = palisade::Table::new(&mut store, ty, Ref::Func(None)).unwrap();
    let instance = palisade::Instance::new(&mut store, &module, &[table.into()]).unwrap();
    assert!(Guest::new(&mut store, instance).unwrap().add_callback(&mut store, || ()).is_err());
    let guest = GuestBuilder::new().table(table).build(&mut store, instance).unwrap();
    let callback = guest.add_callback(&mut store, || 42).unwrap();
    assert_eq!(callback.index(), 5);
    let run = guest.func::<Callback, i32>(&mut store, "run").unwrap();
    assert_eq!(run.call(&mut store, callback).unwrap(), 42);
}
