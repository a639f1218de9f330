//! Host values that guests hold: kept while something refers to them, dropped by a collection afterwards.

use crate::{Drops, assert_error, instance, store};
use palisade::{
    Caller, ExternRef, Func, FuncType, Global, GlobalType, Mutability, Ref, RefType, RootScope,
    Rooted, Store, Table, TableType, Val, ValType,
};

type Value = Option<Rooted<ExternRef>>;

/// Makes a value whose drop is counted, gives it to `keep`, and ends the scope that roots it.
fn in_scope(
    store: &mut Store<()>,
    drops: &Drops,
    keep: impl FnOnce(&mut RootScope<&mut Store<()>>, Rooted<ExternRef>),
) {
    let mut scope = RootScope::new(store);
    let value = ExternRef::new(&mut scope, drops.counted()).unwrap();
    keep(&mut scope, value);
}

/// Collects; how many values have been dropped so far.
fn collected(store: &mut Store<()>, drops: &Drops) -> usize {
    store.gc();
    drops.count()
}

#[test]
fn unreachable_values_are_dropped() {
    let (mut store, drops) = (store(), Drops::default());
    in_scope(&mut store, &drops, |_, _| {});
    assert_eq!(drops.count(), 0);
    assert_eq!(collected(&mut store, &drops), 1);
    assert_eq!(collected(&mut store, &drops), 1);
    ExternRef::new(&mut store, drops.counted()).unwrap();
    assert_eq!(collected(&mut store, &drops), 1, "rooted for the store's life");
    drop(store);
    assert_eq!(drops.count(), 2);
}

#[test]
fn globals_and_tables_of_the_host_keep_values() {
    let (mut store, drops) = (store(), Drops::default());
    let ty = GlobalType::new(ValType::EXTERNREF, Mutability::Var);
    let global = Global::new(&mut store, ty, Val::null_extern_ref()).unwrap();
    let ty = TableType::new(RefType::EXTERNREF, 2, None);
    let table = Table::new(&mut store, ty, Ref::Extern(None)).unwrap();
    in_scope(&mut store, &drops, |scope, value| global.set(scope, value.into()).unwrap());
    in_scope(&mut store, &drops, |scope, value| table.set(scope, 1, value.into()).unwrap());
    assert_eq!(collected(&mut store, &drops), 0);
    global.set(&mut store, Val::null_extern_ref()).unwrap();
    assert_eq!(collected(&mut store, &drops), 1);
    in_scope(&mut store, &drops, |scope, value| {
        table.grow(scope, 1, value.into()).unwrap();
    });
    table.set(&mut store, 1, Ref::Extern(None)).unwrap();
    assert_eq!(collected(&mut store, &drops), 2);
    table.fill(&mut store, 0, Ref::Extern(None), 3).unwrap();
    assert_eq!(collected(&mut store, &drops), 3);
}

/// Keeps values in a global and in a table, exported or not.
const KEEPER: &str = r#"(module
    (global $g (mut externref) (ref.null extern))
    (table $t 3 externref)
    (func (export "global") (param externref) (global.set $g (local.get 0)))
    (func (export "table") (param externref) (table.set $t (i32.const 2) (local.get 0)))
    (func (export "get") (result externref) (global.get $g))
    (func (export "clear") (global.set $g (ref.null extern))
        (table.fill $t (i32.const 0) (ref.null extern) (i32.const 3))))"#;

#[test]
fn guests_keep_values() {
    let (mut store, drops) = (store(), Drops::default());
    let guest = instance(&mut store, KEEPER, &[]);
    for name in ["global", "table"] {
        let keep = guest.get_typed_func::<Value, ()>(&mut store, name).unwrap();
        in_scope(&mut store, &drops, |scope, value| keep.call(scope, Some(value)).unwrap());
    }
    assert_eq!(collected(&mut store, &drops), 0);
    let get = guest.get_typed_func::<(), Value>(&mut store, "get").unwrap();
    {
        let mut scope = RootScope::new(&mut store);
        let value = get.call(&mut scope, ()).unwrap().expect("kept");
        let data = value.data(&scope).unwrap().unwrap();
        assert!(data.is::<crate::Counted>());
    }
    let keep = guest.get_typed_func::<Value, ()>(&mut store, "global").unwrap();
    in_scope(&mut store, &drops, |scope, value| keep.call(scope, Some(value)).unwrap());
    assert_eq!(collected(&mut store, &drops), 1, "the global holds another value now");
    guest.get_typed_func::<(), ()>(&mut store, "clear").unwrap().call(&mut store, ()).unwrap();
    assert_eq!(collected(&mut store, &drops), 3);
}

#[test]
fn locals_of_running_guests_keep_values() {
    let (mut store, drops) = (store(), Drops::default());
    let make = drops.clone();
    let make = Func::wrap(&mut store, move |caller: Caller<'_, ()>| -> palisade::Result<Value> {
        Ok(Some(ExternRef::new(caller, make.counted())?))
    });
    let seen = drops.clone();
    let collect = Func::wrap(&mut store, move |mut caller: Caller<'_, ()>| {
        caller.gc();
        seen.count() as i32
    });
    let check =
        Func::wrap(&mut store, |caller: Caller<'_, ()>, value: Value| -> palisade::Result<i32> {
            let value = value.expect("not null");
            let data = value.data(&caller)?.expect("the host made it");
            Ok(i32::from(data.is::<crate::Counted>()))
        });
    let text = r#"(module
        (import "" "make" (func $make (result externref)))
        (import "" "collect" (func $collect (result i32)))
        (import "" "check" (func $check (param externref) (result i32)))
        (func (export "run") (result i32 i32) (local externref)
            (local.set 0 (call $make))
            (drop (call $make))
            (call $collect)
            (call $check (local.get 0))))"#;
    let guest = instance(&mut store, text, &[make.into(), collect.into(), check.into()]);
    let run = guest.get_typed_func::<(), (i32, i32)>(&mut store, "run").unwrap();
    let (dropped, kept) = run.call(&mut store, ()).unwrap();
    // Whether the other value is still somewhere on the stack is the compiler's affair.
    assert!((0..=1).contains(&dropped), "{dropped}");
    assert_eq!(kept, 1);
    assert_eq!(collected(&mut store, &drops), 2);
}

#[test]
fn scopes_end() {
    let (mut store, drops) = (store(), Drops::default());
    let mut escaped = None;
    let mut inner = None;
    in_scope(&mut store, &drops, |scope, value| {
        escaped = Some(value);
        {
            let mut scope = RootScope::new(&mut *scope);
            inner = Some(ExternRef::new(&mut scope, drops.counted()).unwrap());
            assert!(value.data(&scope).is_ok());
        }
        assert!(inner.unwrap().data(&*scope).is_err());
        assert!(value.data(&*scope).is_ok());
    });
    let message = "a reference is used after the scope that rooted it";
    for value in [escaped.unwrap(), inner.unwrap()] {
        // A later root takes the same place; the old one must not be taken for it.
        let later = ExternRef::new(&mut store, 1).unwrap();
        assert_error(value.data(&store).map(|_| ()), message);
        assert_error(value.data_mut(&mut store).map(|_| ()), message);
        assert_error(Rooted::ref_eq(&store, &value, &later), message);
        let ty = GlobalType::new(ValType::EXTERNREF, Mutability::Const);
        assert_error(Global::new(&mut store, ty, value.into()), message);
    }
    let take = Func::wrap(&mut store, |_: Value| {});
    let take = take.typed::<Value, ()>(&store).unwrap();
    assert_error(take.call(&mut store, escaped), message);
}

/// Makes a value, returns nothing.
fn forgetful(drops: &Drops) -> impl Fn(Caller<'_, ()>) + Send + Sync + 'static {
    let drops = drops.clone();
    move |caller| {
        ExternRef::new(caller, drops.counted()).unwrap();
    }
}

#[test]
fn host_functions_are_scopes_when_guests_call() {
    let (mut store, drops) = (store(), Drops::default());
    let make = Func::wrap(&mut store, forgetful(&drops));
    let text = r#"(module (import "" "" (func $f)) (func (export "f") (call $f) (call $f)))"#;
    let guest = instance(&mut store, text, &[make.into()]);
    guest.get_typed_func::<(), ()>(&mut store, "f").unwrap().call(&mut store, ()).unwrap();
    assert_eq!(collected(&mut store, &drops), 2);
}

#[test]
fn host_functions_are_scopes_when_the_host_calls() {
    let (mut store, drops) = (store(), Drops::default());
    let wrapped = Func::wrap(&mut store, forgetful(&drops));
    let make = forgetful(&drops);
    let ty = FuncType::new(store.engine(), [], []);
    let new = Func::new(&mut store, ty, move |caller, _, _| {
        make(caller);
        Ok(())
    });
    for func in [wrapped, new] {
        func.call(&mut store, &[], &mut []).unwrap();
        func.typed::<(), ()>(&store).unwrap().call(&mut store, ()).unwrap();
    }
    assert_eq!(collected(&mut store, &drops), 4);
}

#[test]
fn many_values_are_collected_without_being_asked() {
    let (mut store, drops) = (store(), Drops::default());
    for _ in 0..100_000 {
        in_scope(&mut store, &drops, |_, _| {});
    }
    assert!(drops.count() > 90_000, "{} dropped", drops.count());
    assert_eq!(collected(&mut store, &drops), 100_000);
}

#[test]
fn values_can_be_changed() {
    let mut store = store();
    let value = ExternRef::new(&mut store, vec![1]).unwrap();
    let data = value.data_mut(&mut store).unwrap().unwrap();
    data.downcast_mut::<Vec<i32>>().unwrap().push(2);
    let data = value.data(&store).unwrap().unwrap();
    assert_eq!(data.downcast_ref::<Vec<i32>>().unwrap(), &[1, 2]);
    let other = ExternRef::new(&mut store, vec![1, 2]).unwrap();
    assert!(Rooted::ref_eq(&store, &value, &value).unwrap());
    assert!(!Rooted::ref_eq(&store, &value, &other).unwrap());
}
