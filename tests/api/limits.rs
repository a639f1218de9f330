//! Limiters are asked with the right numbers, and what they say is done.

use crate::{assert_error, instance, instantiate};
use palisade::error::ErrorKind;
use palisade::{
    Engine, Error, Memory, MemoryType, Ref, RefType, ResourceLimiter, Result, Store, StoreLimits,
    StoreLimitsBuilder, Table, TableType,
};
use std::panic::{AssertUnwindSafe, catch_unwind};

const PAGE: usize = 65536;

/// Writes down what it is asked.
#[derive(Default)]
struct Recorder {
    asked: Vec<(&'static str, usize, usize, Option<usize>)>,
    failed: Vec<String>,
    deny: bool,
    fail: bool,
    panic: bool,
}

impl Recorder {
    fn answer(&self) -> Result<bool> {
        assert!(!self.panic, "the limiter panics");
        if self.fail { Err(Error::msg("the limiter objects")) } else { Ok(!self.deny) }
    }
}

impl ResourceLimiter for Recorder {
    fn memory_growing(&mut self, from: usize, to: usize, max: Option<usize>) -> Result<bool> {
        self.asked.push(("memory", from, to, max));
        self.answer()
    }

    fn memory_grow_failed(&mut self, error: Error) -> Result<()> {
        self.failed.push(error.to_string());
        Ok(())
    }

    fn table_growing(&mut self, from: usize, to: usize, max: Option<usize>) -> Result<bool> {
        self.asked.push(("table", from, to, max));
        self.answer()
    }

    fn table_grow_failed(&mut self, error: Error) -> Result<()> {
        self.failed.push(error.to_string());
        Ok(())
    }
}

/// A store whose data is its limiter.
fn limited<L: ResourceLimiter + Send + 'static>(limiter: L) -> Store<L> {
    let mut store = Store::new(&Engine::default(), limiter);
    store.limiter(|limiter| limiter);
    store
}

const GROWER: &str = r#"(module
    (memory (export "memory") 2 10) (table (export "table") 3 funcref)
    (table $refs 1 4 externref)
    (func (export "memory.grow") (param i32) (result i32) (memory.grow (local.get 0)))
    (func (export "table.grow") (param i32) (result i32)
        (table.grow 0 (ref.null func) (local.get 0)))
    (func (export "refs.grow") (param i32) (result i32)
        (table.grow $refs (ref.null extern) (local.get 0))))"#;

/// Calls a function of `GROWER` in a store whose only instance it is.
fn grow<T>(store: &mut Store<T>, guest: palisade::Instance, what: &str, by: i32) -> Result<i32> {
    guest.get_typed_func::<i32, i32>(&mut *store, what)?.call(store, by)
}

#[test]
fn limiters_are_told_sizes() {
    let mut store = limited(Recorder::default());
    let guest = instance(&mut store, GROWER, &[]);
    let created =
        [("memory", 0, 2 * PAGE, Some(10 * PAGE)), ("table", 0, 3, None), ("table", 0, 1, Some(4))];
    assert_eq!(std::mem::take(&mut store.data_mut().asked), created);
    for (what, by, expected) in [("memory.grow", 3, 2), ("table.grow", 7, 3), ("refs.grow", 2, 1)] {
        assert_eq!(grow(&mut store, guest, what, by).unwrap(), expected);
    }
    let memory = guest.get_memory(&mut store, "memory").unwrap();
    assert_eq!(memory.grow(&mut store, 1).unwrap(), 5);
    let table = guest.get_table(&mut store, "table").unwrap();
    assert_eq!(table.grow(&mut store, 1, Ref::Func(None)).unwrap(), 10);
    let grown = [
        ("memory", 2 * PAGE, 5 * PAGE, Some(10 * PAGE)),
        ("table", 3, 10, None),
        ("table", 1, 3, Some(4)),
        ("memory", 5 * PAGE, 6 * PAGE, Some(10 * PAGE)),
        ("table", 10, 11, None),
    ];
    assert_eq!(std::mem::take(&mut store.data_mut().asked), grown);
    assert!(store.data().failed.is_empty());
    for what in ["memory.grow", "refs.grow"] {
        assert_eq!(grow(&mut store, guest, what, 5).unwrap(), -1);
    }
    assert_eq!(
        store.data().failed,
        ["memory growth beyond its maximum", "table growth beyond its maximum"]
    );
}

#[test]
fn denial_gives_minus_one() {
    let mut store = limited(Recorder::default());
    let guest = instance(&mut store, GROWER, &[]);
    store.data_mut().deny = true;
    for what in ["memory.grow", "table.grow", "refs.grow"] {
        assert_eq!(grow(&mut store, guest, what, 1).unwrap(), -1, "{what}");
    }
    let memory = guest.get_memory(&mut store, "memory").unwrap();
    assert_error(memory.grow(&mut store, 1), "failed to grow memory by `1`");
    let table = guest.get_table(&mut store, "table").unwrap();
    let grown = table.grow(&mut store, 1, Ref::Func(None));
    assert_error(grown, "failed to grow table by `1`");
    assert_eq!((memory.size(&store), table.size(&store)), (2, 3));
    assert!(store.data().failed.is_empty(), "a denied growth has not failed");
    let result = instantiate(&mut store, "(module (memory 1))", &[]);
    assert_error(result, "memory minimum size of 1 pages exceeds memory limits");
    let result = instantiate(&mut store, "(module (table 7 funcref))", &[]);
    assert_error(result, "table minimum size of 7 elements exceeds table limits");
}

#[test]
fn errors_of_limiters_pass_through() {
    let mut store = limited(Recorder::default());
    let guest = instance(&mut store, GROWER, &[]);
    store.data_mut().fail = true;
    for what in ["memory.grow", "table.grow", "refs.grow"] {
        let error = grow(&mut store, guest, what, 1).unwrap_err();
        assert_eq!(error.to_string(), "the limiter objects");
        assert!(matches!(error.kind(), ErrorKind::Host(_)), "{what}");
        assert_eq!(error.backtrace().map(|trace| trace.frames().len()), Some(1), "{what}");
    }
    let made = Memory::new(&mut store, MemoryType::new(1, None));
    assert_error(made, "the limiter objects");
    let made = Table::new(&mut store, TableType::new(RefType::FUNCREF, 1, None), Ref::Func(None));
    assert_error(made, "the limiter objects");
    assert_error(instantiate(&mut store, GROWER, &[]), "the limiter objects");
    store.data_mut().fail = false;
    assert_eq!(grow(&mut store, guest, "memory.grow", 1).unwrap(), 2);
}

#[test]
fn panics_of_limiters_pass_through() {
    let mut store = limited(Recorder::default());
    let guest = instance(&mut store, GROWER, &[]);
    store.data_mut().panic = true;
    for what in ["memory.grow", "table.grow", "refs.grow"] {
        let call = AssertUnwindSafe(|| grow(&mut store, guest, what, 1));
        let payload = catch_unwind(call).expect_err("the panic passes through");
        assert_eq!(payload.downcast_ref(), Some(&"the limiter panics"), "{what}");
    }
    store.data_mut().panic = false;
    assert_eq!(grow(&mut store, guest, "memory.grow", 1).unwrap(), 2);
}

#[test]
fn fixed_limits() {
    let limits = StoreLimitsBuilder::new().memory_size(4 * PAGE).table_elements(5).build();
    let mut store = limited(limits);
    let guest = instance(&mut store, GROWER, &[]);
    for (what, by, expected) in [
        ("memory.grow", 3, -1),
        ("memory.grow", 2, 2),
        ("memory.grow", 1, -1),
        ("memory.grow", 0, 4),
        ("table.grow", 3, -1),
        ("table.grow", 2, 3),
        ("refs.grow", 3, 1),
    ] {
        assert_eq!(grow(&mut store, guest, what, by).unwrap(), expected, "{what} by {by}");
    }
    let made = Memory::new(&mut store, MemoryType::new(5, None));
    assert_error(made, "memory minimum size of 5 pages exceeds memory limits");
}

#[test]
fn failed_growth_can_trap() {
    let limits = StoreLimitsBuilder::new().memory_size(4 * PAGE).table_elements(5);
    let mut store = limited(limits.trap_on_grow_failure(true).build());
    let guest = instance(&mut store, GROWER, &[]);
    for (what, by, message) in [
        ("memory.grow", 3, "forcing trap when growing memory to 327680"),
        ("memory.grow", 9, "memory growth beyond its maximum"),
        ("table.grow", 3, "forcing trap when growing table to 6"),
        ("refs.grow", 4, "table growth beyond its maximum"),
    ] {
        let error = grow(&mut store, guest, what, by).unwrap_err();
        assert!(matches!(error.kind(), ErrorKind::Resource(_)), "{what}");
        assert_error(Err::<(), _>(error), message);
    }
    assert_eq!(grow(&mut store, guest, "memory.grow", 2).unwrap(), 2);
}

#[test]
fn counts_are_limited() {
    let builder = StoreLimitsBuilder::new();
    let too_many = |what: &str| format!("resource limit exceeded: {what} count too high at 3");
    for (what, limits, item) in [
        ("instance", builder.clone().instances(2), ""),
        ("memory", builder.clone().memories(2), "(memory 1)"),
        ("table", builder.clone().tables(2), "(table 1 funcref)"),
    ] {
        let mut store = limited(limits.build());
        let text = format!("(module {item})");
        for _ in 0..2 {
            instance(&mut store, &text, &[]);
        }
        assert_error(instantiate(&mut store, &text, &[]), &too_many(what));
    }
    let mut store = limited(builder.memories(2).tables(2).build());
    let memory = |store: &mut Store<StoreLimits>| Memory::new(store, MemoryType::new(0, None));
    let table = |store: &mut Store<StoreLimits>| {
        Table::new(store, TableType::new(RefType::FUNCREF, 0, None), Ref::Func(None))
    };
    for _ in 0..2 {
        memory(&mut store).unwrap();
        table(&mut store).unwrap();
    }
    assert_error(memory(&mut store), &too_many("memory"));
    assert_error(table(&mut store), &too_many("table"));
}

#[test]
fn stores_without_limiter_hold_ten_thousand() {
    let mut store = Store::new(&Engine::default(), ());
    let module = palisade::Module::new(store.engine(), "(module)").unwrap();
    for _ in 0..10_000 {
        palisade::Instance::new(&mut store, &module, &[]).unwrap();
    }
    let result = palisade::Instance::new(&mut store, &module, &[]);
    assert_error(result, "resource limit exceeded: instance count too high at 10001");
}

#[test]
fn huge_tables_are_refused() {
    let mut store = Store::new(&Engine::default(), ());
    let text = "(module (table 4294967295 funcref))";
    let refused = palisade::Module::new(store.engine(), text)
        .and_then(|module| palisade::Instance::new(&mut store, &module, &[]));
    assert!(refused.is_err());
    let ty = TableType::new(RefType::EXTERNREF, u32::MAX, None);
    let made = Table::new(&mut store, ty, Ref::Extern(None));
    assert_error(made, "table minimum size of 4294967295 elements exceeds table limits");
}
