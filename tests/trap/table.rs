//! Accesses to tables and calls through them, at their ends and while they grow.

use crate::{call, call_i32, instance, instantiate};
use palisade::Trap::{BadSignature, IndirectCallToNull, TableOutOfBounds};
use palisade::{
    Caller, Engine, Error, Extern, Func, FuncType, Instance, Ref, RefType, Store,
    StoreLimitsBuilder, Table, TableType, Trap,
};

/// Indices around the end of a table of four entries, and hostile ones. Entries are 32 bytes, so the later ones would
/// wrap if multiplied in 32 bits.
const OUTSIDE: [u32; 9] = [
    4,
    5,
    0x7fff_ffff,
    0x8000_0000,
    0xffff_ffff,
    0xffff_fffc,
    0x0800_0000,
    0x0800_0001,
    0x2000_0000,
];

/// Tables whose size the compiler knows, and whose size it does not know.
const LIMITS: [&str; 3] = ["4 4", "4 8", "4"];

#[test]
fn call_indirect() {
    for limits in LIMITS {
        let text = format!(
            "(module (table {limits} funcref)
                (elem (i32.const 0) $answer) (elem (i32.const 2) $unit $wide)
                (func $answer (result i32) (i32.const 42))
                (func $unit)
                (func $wide (result i64) (i64.const 42))
                (func (export \"call\") (param i32) (result i32)
                    (call_indirect (result i32) (local.get 0)))
                (func (export \"loop\") (param i32) (result i32)
                    (loop (result i32) (call_indirect (result i32) (local.get 0)))))"
        );
        let (mut store, instance) = instance(&text);
        for name in ["call", "loop"] {
            let mut call = |index| call_i32(&mut store, instance, name, &[index]);
            assert_eq!(call(0), Ok(42), "{limits}");
            assert_eq!(call(1), Err(IndirectCallToNull), "{limits}");
            assert_eq!(call(2), Err(BadSignature), "{limits}");
            assert_eq!(call(3), Err(BadSignature), "{limits}");
            for index in OUTSIDE {
                assert_eq!(call(index), Err(TableOutOfBounds), "{limits}: {index:#x}");
            }
        }
    }
}

/// Constant indices are another way through the compiler.
#[test]
fn call_indirect_of_constants() {
    for limits in ["0 0", "0 1", "1 1", "1"] {
        for index in [0, 1, 0xffff_ffff_u32] {
            let text = format!(
                "(module (table {limits} funcref)
                    (func (export \"call\") (call_indirect (i32.const {index}))))"
            );
            let (mut store, instance) = instance(&text);
            let filled = limits.starts_with('1') && index == 0;
            let expected = if filled { IndirectCallToNull } else { TableOutOfBounds };
            assert_eq!(call_i32(&mut store, instance, "call", &[]), Err(expected), "{limits}");
        }
    }
}

/// Equal types are one type, also across modules; other types are not, however similar.
#[test]
fn signatures() {
    let mut store = Store::new(&Engine::default(), ());
    let ty = TableType::new(RefType::FUNCREF, 4, None);
    let table = Table::new(&mut store, ty, Ref::Func(None)).expect("a table");
    let callee = "(module (import \"\" \"\" (table 1 funcref))
        (type $unused (func (param f64))) (type $sum (func (param i32 i32) (result i32)))
        (elem (i32.const 0) $sum)
        (func $sum (type $sum) (i32.add (local.get 0) (local.get 1))))";
    instantiate(&mut store, callee, &[table.into()]);
    let same = "(param i32 i32) (result i32)";
    let cases = [
        (same, "(i32.const 40) (i32.const 2)", Ok(42)),
        ("(param i32) (result i32)", "(i32.const 40)", Err(BadSignature)),
        ("(param i32 i64) (result i32)", "(i32.const 40) (i64.const 2)", Err(BadSignature)),
        ("(param i32 i32) (result i32 i32)", "(i32.const 40) (i32.const 2)", Err(BadSignature)),
        ("(param i32 i32)", "(i32.const 40) (i32.const 2)", Err(BadSignature)),
        ("(result i32)", "", Err(BadSignature)),
        ("", "", Err(BadSignature)),
    ];
    for (ty, operands, expected) in cases {
        let caller = format!(
            "(module (import \"\" \"\" (table 1 funcref)) (func (export \"run\") (result i32)
                {operands} (call_indirect {ty} (i32.const 0)) {} return))",
            if ty.contains("result") { "" } else { "(i32.const 7)" }
        );
        let caller = caller
            .replace("(result i32 i32) (i32.const 0)) ", "(result i32 i32) (i32.const 0)) drop ");
        let caller = instantiate(&mut store, &caller, &[table.into()]);
        assert_eq!(call_i32(&mut store, caller, "run", &[]), expected, "{ty}");
    }
}

#[test]
fn get_and_set() {
    for limits in LIMITS {
        for ty in ["func", "extern"] {
            let text = format!(
                "(module (table {limits} {ty}ref)
                    (func (export \"get\") (param i32) (result i32)
                        (ref.is_null (table.get (local.get 0))))
                    (func (export \"unused\") (param i32) (drop (table.get (local.get 0))))
                    (func (export \"set\") (param i32)
                        (table.set (local.get 0) (ref.null {ty}))))"
            );
            let (mut store, instance) = instance(&text);
            for (name, expected) in [("get", 1), ("unused", 0), ("set", 0)] {
                let mut call = |index| call_i32(&mut store, instance, name, &[index]);
                for index in 0..4 {
                    assert_eq!(call(index), Ok(expected), "{name} of {ty} {limits}: {index}");
                }
                for index in OUTSIDE {
                    let result = call(index);
                    assert_eq!(
                        result,
                        Err(TableOutOfBounds),
                        "{name} of {ty} {limits}: {index:#x}"
                    );
                }
            }
        }
    }
}

/// A module with a table of eight numbered functions and a segment of four more, and all operations on ranges.
const RANGES: &str = "(module
    (type $number (func (result i32)))
    (table $t (export \"table\") 8 8 funcref)
    (elem (table $t) (i32.const 0) func $n0 $n1 $n2 $n3 $n4 $n5 $n6 $n7)
    (elem $segment func $n8 $n9 $n10 $n11)
    (func $n0 (type $number) (i32.const 0)) (func $n1 (type $number) (i32.const 1))
    (func $n2 (type $number) (i32.const 2)) (func $n3 (type $number) (i32.const 3))
    (func $n4 (type $number) (i32.const 4)) (func $n5 (type $number) (i32.const 5))
    (func $n6 (type $number) (i32.const 6)) (func $n7 (type $number) (i32.const 7))
    (func $n8 (type $number) (i32.const 8)) (func $n9 (type $number) (i32.const 9))
    (func $n10 (type $number) (i32.const 10)) (func $n11 (type $number) (i32.const 11))
    (func (export \"number\") (param i32) (result i32)
        (call_indirect (type $number) (local.get 0)))
    (func (export \"fill\") (param i32 i32 i32)
        (table.fill $t (local.get 0) (ref.func $n11) (local.get 2)))
    (func (export \"copy\") (param i32 i32 i32)
        (table.copy (local.get 0) (local.get 1) (local.get 2)))
    (func (export \"init\") (param i32 i32 i32)
        (table.init $segment (local.get 0) (local.get 1) (local.get 2)))
    (func (export \"drop\") (elem.drop $segment)))";

fn numbers(store: &mut Store<()>, instance: Instance) -> Vec<Result<i32, Trap>> {
    (0..8).map(|index| call_i32(store, instance, "number", &[index])).collect()
}

/// `table.fill`, `table.copy` and `table.init` with every combination of hostile ranges: all or nothing.
#[test]
fn ranges() {
    let values = [0, 1, 3, 4, 5, 7, 8, 9, 0x8000_0000, 0xffff_fff8, 0xffff_ffff_u32];
    let original: Vec<i32> = (0..8).collect();
    let segment = [8, 9, 10, 11];
    let (mut store, instance) = instance(RANGES);
    let table = instance.get_table(&mut store, "table").expect("exported");
    let elements: Vec<Ref> =
        (0..8).map(|index| table.get(&mut store, index).expect("inside")).collect();
    for (name, source) in [("fill", None), ("copy", Some(&original[..])), ("init", Some(&segment))]
    {
        for (to, from, len) in triples(&values) {
            let result = call_i32(&mut store, instance, name, &[to, from, len]);
            let what = format!("table.{name} {to:#x} {from:#x} {len:#x}");
            let (to, from, len) = (to as usize, from as usize, len as usize);
            let mut expected = original.clone();
            if to + len <= 8 && source.is_none_or(|source| from + len <= source.len()) {
                assert_eq!(result, Ok(0), "{what}");
                match source {
                    Some(source) => {
                        expected[to..to + len].copy_from_slice(&source[from..from + len])
                    }
                    None => expected[to..to + len].fill(11),
                }
            } else {
                assert_eq!(result, Err(TableOutOfBounds), "{what}");
            }
            let expected: Vec<_> = expected.into_iter().map(Ok).collect();
            assert_eq!(numbers(&mut store, instance), expected, "{what}");
            for (index, element) in elements.iter().enumerate() {
                table.set(&mut store, index as u64, *element).expect("inside");
            }
        }
    }
    call(&mut store, instance, "drop", &[]).expect("no trap");
    assert_eq!(call_i32(&mut store, instance, "init", &[8, 0, 0]), Ok(0));
    assert_eq!(call_i32(&mut store, instance, "init", &[0, 0, 1]), Err(TableOutOfBounds));
    assert_eq!(call_i32(&mut store, instance, "init", &[0, 1, 0]), Err(TableOutOfBounds));
}

fn triples(values: &[u32]) -> impl Iterator<Item = (u32, u32, u32)> {
    values.iter().flat_map(move |a| {
        values.iter().flat_map(move |b| values.iter().map(move |c| (*a, *b, *c)))
    })
}

/// Calls after growth within one function, at the new entry and at old ones, which may have moved.
#[test]
fn growth_during_a_function() {
    let mut store = Store::new(&Engine::default(), ());
    let ty = TableType::new(RefType::FUNCREF, 2, None);
    let table = Table::new(&mut store, ty, Ref::Func(None)).expect("a table");
    let grow = move |mut caller: Caller<'_, ()>| -> Result<(), Error> {
        let first = table.get(&mut caller, 0).expect("it has entries");
        table.grow(&mut caller, 1000, first).map(|_| ())
    };
    let by_export = |mut caller: Caller<'_, ()>| -> Result<(), Error> {
        let Some(Extern::Table(table)) = caller.get_export("table") else {
            return Err(Error::msg("the caller exports its table"));
        };
        let first = table.get(&mut caller, 0).expect("it has entries");
        table.grow(&mut caller, 1000, first).map(|_| ())
    };
    let unit = FuncType::new(store.engine(), [], []);
    let imports = [
        Func::wrap(&mut store, grow),
        Func::wrap(&mut store, by_export),
        Func::new(&mut store, unit, move |caller, _, _| grow(caller)),
    ];
    let grows = [
        "(call $import)",
        "(loop (call $import))",
        "(call_indirect (i32.const 1))",
        "(drop (table.grow (table.get (i32.const 0)) (i32.const 1000)))",
    ];
    for (who, import) in imports.into_iter().enumerate() {
        for how in grows {
            let text = format!(
                "(module (import \"\" \"t\" (table 2 funcref)) (import \"\" \"\" (func $import))
                    (type $answer (func (result i32)))
                    (export \"table\" (table 0)) (elem (i32.const 0) $answer $import)
                    (func $answer (type $answer) (i32.const 20))
                    (func (export \"run\") (result i32) (local $end i32)
                        (local.set $end (table.size))
                        (call_indirect (type $answer) (i32.const 0))
                        {how}
                        (call_indirect (type $answer) (i32.const 0))
                        (call_indirect (type $answer) (local.get $end))
                        (i32.add) (i32.add)
                        (i32.sub (table.size) (local.get $end)) (i32.add)))"
            );
            let instance = instantiate(&mut store, &text, &[table.into(), import.into()]);
            let result = call_i32(&mut store, instance, "run", &[]);
            assert_eq!(result, Ok(3 * 20 + 1000), "{how} by {who}");
        }
    }
    assert_eq!(table.size(&store), 2 + 12 * 1000);
}

#[test]
fn growth_to_the_maximum() {
    for ty in ["func", "extern"] {
        let text = format!(
            "(module (table (export \"table\") 1 3 {ty}ref)
                (func (export \"grow\") (param i32) (result i32)
                    (table.grow (ref.null {ty}) (local.get 0)))
                (func (export \"get\") (param i32) (result i32)
                    (ref.is_null (table.get (local.get 0))))
                (func (export \"size\") (result i32) (table.size)))"
        );
        let (mut store, instance) = instance(&text);
        let steps = [
            (3, -1, 1),
            (0xffff_ffff, -1, 1),
            (0x8000_0000, -1, 1),
            (0, 1, 1),
            (1, 1, 2),
            (2, -1, 2),
            (1, 2, 3),
            (1, -1, 3),
            (0, 3, 3),
        ];
        for (delta, result, size) in steps {
            assert_eq!(call_i32(&mut store, instance, "grow", &[delta]), Ok(result), "{delta:#x}");
            assert_eq!(call_i32(&mut store, instance, "size", &[]), Ok(size));
            let last = size as u32 - 1;
            assert_eq!(call_i32(&mut store, instance, "get", &[last]), Ok(1));
            let beyond = call_i32(&mut store, instance, "get", &[last + 1]);
            assert_eq!(beyond, Err(TableOutOfBounds));
        }
        let table = instance.get_table(&mut store, "table").expect("exported");
        let null = table.get(&mut store, 0).expect("inside");
        table.grow(&mut store, 1, null).expect_err("beyond the maximum");
        table.grow(&mut store, u64::MAX, null).expect_err("overflow");
        assert_eq!(table.grow(&mut store, 0, null).expect("nothing to do"), 3);
    }
}

/// A table without a maximum: the host's limit applies, and growth by 2^32 - 1 fails without a limit.
#[test]
fn growth_without_maximum() {
    let text = "(module (table 1 funcref)
        (func (export \"grow\") (param i32) (result i32)
            (table.grow (ref.null func) (local.get 0))))";
    let (mut free, instance) = instance(text);
    assert_eq!(call_i32(&mut free, instance, "grow", &[0xffff_ffff]), Ok(-1));
    assert_eq!(call_i32(&mut free, instance, "grow", &[1000]), Ok(1));
    let limits = StoreLimitsBuilder::new().table_elements(10).build();
    let mut limited = Store::new(&Engine::default(), limits);
    limited.limiter(|limits| limits);
    let instance = instantiate(&mut limited, text, &[]);
    assert_eq!(call_i32(&mut limited, instance, "grow", &[10]), Ok(-1));
    assert_eq!(call_i32(&mut limited, instance, "grow", &[9]), Ok(1));
    assert_eq!(call_i32(&mut limited, instance, "grow", &[1]), Ok(-1));
}

/// Two instances and the host share a table: each sees what the others write, and growth, and functions run in the
/// instance that they are from. One of them imports it when it can no longer grow, as a table of fixed size.
#[test]
fn shared_table() {
    let mut store = Store::new(&Engine::default(), ());
    let owner = instantiate(
        &mut store,
        "(module (table $t (export \"table\") 1 3 funcref) (global $own (mut i32) (i32.const 1))
            (func $get (export \"get\") (result i32) (global.get $own))
            (elem (i32.const 0) $get)
            (func (export \"grow\") (result i32) (table.grow (ref.func $get) (i32.const 1)))
            (func (export \"call\") (param i32) (result i32)
                (call_indirect (result i32) (local.get 0))))",
        &[],
    );
    let table = owner.get_table(&mut store, "table").expect("exported");
    let user = |limits: &str, value: i32| {
        format!(
            "(module (import \"\" \"\" (table {limits} funcref))
                (global $own i32 (i32.const {value}))
                (func $get (result i32) (global.get $own)) (elem declare func $get)
                (func (export \"set\") (param i32) (table.set (local.get 0) (ref.func $get)))
                (func (export \"clear\") (param i32) (table.set (local.get 0) (ref.null func)))
                (func (export \"call\") (param i32) (result i32)
                    (call_indirect (result i32) (local.get 0))))"
        )
    };
    let second = instantiate(&mut store, &user("1 3", 2), &[table.into()]);
    assert_eq!(call_i32(&mut store, second, "call", &[0]), Ok(1));
    assert_eq!(call_i32(&mut store, second, "call", &[1]), Err(TableOutOfBounds));
    for size in 1..3 {
        assert_eq!(call_i32(&mut store, owner, "grow", &[]), Ok(size));
    }
    assert_eq!(call_i32(&mut store, owner, "grow", &[]), Ok(-1));
    let third = instantiate(&mut store, &user("3 3", 3), &[table.into()]);
    assert_eq!(call_i32(&mut store, second, "set", &[1]), Ok(0));
    assert_eq!(call_i32(&mut store, third, "set", &[2]), Ok(0));
    for instance in [owner, second, third] {
        let found = [0, 1, 2, 3].map(|index| call_i32(&mut store, instance, "call", &[index]));
        assert_eq!(found, [Ok(1), Ok(2), Ok(3), Err(TableOutOfBounds)]);
    }
    let getter = owner.get_func(&mut store, "get").expect("exported");
    table.set(&mut store, 2, getter.into()).expect("inside");
    assert_eq!(call_i32(&mut store, second, "clear", &[0]), Ok(0));
    for instance in [owner, second, third] {
        let found = [0, 1, 2].map(|index| call_i32(&mut store, instance, "call", &[index]));
        assert_eq!(found, [Err(IndirectCallToNull), Ok(2), Ok(1)]);
    }
    table.set(&mut store, 3, getter.into()).expect_err("outside");
}
