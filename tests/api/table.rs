//! Tables, as the host uses them.

use crate::{assert_error, instance, store};
use palisade::{ExternRef, Func, HeapType, Ref, RefType, Rooted, Store, Table, TableType, Trap};

fn funcs(store: &mut Store<()>, len: u32, maximum: Option<u32>) -> Table {
    Table::new(store, TableType::new(RefType::FUNCREF, len, maximum), Ref::Func(None)).unwrap()
}

/// What the function at `index` gives; -1 for null.
fn call(store: &mut Store<()>, table: Table, index: u64) -> i32 {
    let element = table.get(&mut *store, index).expect("within the table");
    let Some(func) = element.as_func().expect("a table of functions") else { return -1 };
    func.typed::<(), i32>(&*store).unwrap().call(store, ()).unwrap()
}

fn calls(store: &mut Store<()>, table: Table) -> Vec<i32> {
    (0..table.size(&*store)).map(|index| call(store, table, index)).collect()
}

#[test]
fn elements_are_set_grown_filled_and_copied() {
    let mut store = store();
    let [one, two] = [1, 2].map(|n| Func::wrap(&mut store, move || n));
    let table = funcs(&mut store, 3, Some(8));
    assert_eq!(calls(&mut store, table), [-1, -1, -1]);
    table.set(&mut store, 1, one.into()).unwrap();
    assert_eq!(table.grow(&mut store, 2, two.into()).unwrap(), 3);
    assert_eq!(calls(&mut store, table), [-1, 1, -1, 2, 2]);
    Table::copy(&mut store, &table, 0, &table, 1, 4).unwrap();
    assert_eq!(calls(&mut store, table), [1, -1, 2, 2, 2]);
    Table::copy(&mut store, &table, 1, &table, 0, 4).unwrap();
    assert_eq!(calls(&mut store, table), [1, 1, -1, 2, 2]);
    table.fill(&mut store, 2, Ref::null(&HeapType::Func), 2).unwrap();
    assert_eq!(calls(&mut store, table), [1, 1, -1, -1, 2]);
    let other = funcs(&mut store, 2, None);
    Table::copy(&mut store, &other, 0, &table, 3, 2).unwrap();
    assert_eq!(calls(&mut store, other), [-1, 2]);
    let ty = table.ty(&store);
    assert_eq!((table.size(&store), ty.minimum(), ty.maximum()), (5, 3, Some(8)));
}

#[test]
fn ranges_and_types_are_checked() {
    let mut store = store();
    let table = funcs(&mut store, 3, Some(4));
    let handles = TableType::new(RefType::EXTERNREF, 3, None);
    let handles = Table::new(&mut store, handles, Ref::Extern(None)).unwrap();
    let (null, other) = (Ref::Func(None), Ref::Extern(None));
    let bounds = Trap::TableOutOfBounds.to_string();
    let mismatch = "type mismatch: expected funcref, found externref";
    assert!(table.get(&mut store, 3).is_none() && table.get(&mut store, u64::MAX).is_none());
    assert_error(table.set(&mut store, 3, null), &bounds);
    assert_error(table.set(&mut store, u64::MAX, null), &bounds);
    assert_error(table.fill(&mut store, 2, null, 2), &bounds);
    assert_error(table.fill(&mut store, 1, null, u64::MAX), &bounds);
    table.fill(&mut store, 3, null, 0).unwrap();
    assert_error(table.fill(&mut store, 4, null, 0), &bounds);
    assert_error(table.set(&mut store, 0, other), mismatch);
    assert_error(table.grow(&mut store, 1, other), mismatch);
    assert_error(table.grow(&mut store, 2, null), "failed to grow table by `2`");
    assert_error(
        table.grow(&mut store, u64::MAX, null),
        &format!("failed to grow table by `{}`", u64::MAX),
    );
    assert_error(Table::copy(&mut store, &table, 0, &table, 1, 3), &bounds);
    assert_error(Table::copy(&mut store, &table, 3, &table, 0, 1), &bounds);
    let copied = Table::copy(&mut store, &table, 0, &handles, 0, 1);
    assert_error(copied, mismatch);
    assert_eq!(table.size(&store), 3);
    let wrong = Table::new(&mut store, TableType::new(RefType::FUNCREF, 1, None), other);
    assert_error(wrong, mismatch);
    let wrong = Table::new(&mut store, TableType::new(RefType::FUNCREF, 2, Some(1)), null);
    assert_error(wrong, "table minimum exceeds its maximum");
}

/// Calls through an imported table; has a function of its own.
const CALLER: &str = r#"(module (import "" "" (table $t 2 funcref))
    (global $n (mut i32) (i32.const 10))
    (func (export "own") (result i32)
        (global.set $n (i32.add (global.get $n) (i32.const 1))) (global.get $n))
    (func (export "call") (param i32) (result i32)
        (call_indirect (result i32) (local.get 0))))"#;

#[test]
fn functions_of_other_instances_keep_their_own_state() {
    let mut store = store();
    let table = funcs(&mut store, 2, None);
    let [one, two] = [0, 1].map(|_| instance(&mut store, CALLER, &[table.into()]));
    let own = one.get_func(&mut store, "own").unwrap();
    table.set(&mut store, 0, own.into()).unwrap();
    for (caller, expected) in [(one, 11), (two, 12), (two, 13), (one, 14)] {
        let call = caller.get_typed_func::<i32, i32>(&mut store, "call").unwrap();
        assert_eq!(call.call(&mut store, 0).unwrap(), expected);
    }
    let call_two = two.get_typed_func::<i32, i32>(&mut store, "call").unwrap();
    for (element, trap) in [
        (Ref::Func(None), Trap::IndirectCallToNull),
        (Func::wrap(&mut store, || 1_i64).into(), Trap::BadSignature),
    ] {
        table.set(&mut store, 1, element).unwrap();
        let error = call_two.call(&mut store, 1).unwrap_err();
        assert_eq!(error.downcast_ref::<Trap>(), Some(&trap));
    }
    let error = call_two.call(&mut store, 2).unwrap_err();
    assert_eq!(error.downcast_ref::<Trap>(), Some(&Trap::TableOutOfBounds));
    // Growth by the host is seen by both, and moves nothing that calls rely on.
    table.grow(&mut store, 100_000, own.into()).unwrap();
    assert_eq!(call_two.call(&mut store, 100_001).unwrap(), 15);
    assert_eq!(call_two.call(&mut store, 0).unwrap(), 16);
}

#[test]
fn host_values_in_tables() {
    let mut store = store();
    let text = r#"(module (table (export "t") 2 4 externref)
        (func (export "swap") (local externref)
            (local.set 0 (table.get (i32.const 0)))
            (table.set (i32.const 0) (table.get (i32.const 1)))
            (table.set (i32.const 1) (local.get 0)))
        (func (export "grow") (param externref) (result i32)
            (table.grow (local.get 0) (i32.const 2))))"#;
    let guest = instance(&mut store, text, &[]);
    let table = guest.get_table(&mut store, "t").unwrap();
    let value = ExternRef::new(&mut store, 5_u8).unwrap();
    table.set(&mut store, 0, value.into()).unwrap();
    guest.get_typed_func::<(), ()>(&mut store, "swap").unwrap().call(&mut store, ()).unwrap();
    let grow = guest.get_typed_func::<Option<Rooted<ExternRef>>, i32>(&mut store, "grow").unwrap();
    assert_eq!(grow.call(&mut store, Some(value)).unwrap(), 2);
    assert_eq!(grow.call(&mut store, None).unwrap(), -1);
    let found: Vec<Option<u8>> = (0..4)
        .map(|index| {
            let Some(Ref::Extern(rooted)) = table.get(&mut store, index) else { panic!() };
            let data = rooted.map(|rooted| rooted.data(&store).unwrap().unwrap());
            data.map(|data| *data.downcast_ref::<u8>().unwrap())
        })
        .collect();
    assert_eq!(found, [None, Some(5), Some(5), Some(5)]);
}
