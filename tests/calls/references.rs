//! References to functions of one type: called, branched on, and kept in tables and globals.

use crate::{call, check, engines, export, instantiate, module, run};
use palisade::{
    Engine, Extern, Func, FuncType, Global, GlobalType, HeapType, Instance, Mutability, Ref,
    RefType, Store, Table, TableType, Trap, Val, ValType,
};

#[test]
fn calls() {
    let text = "(module
        (type $t (func (param i32) (result i32)))
        (type $many (func (param i32 i64 f32 f64 funcref) (result f64 i32)))
        (elem declare func $inc $dec $mix)
        (func $inc (type $t) (i32.add (local.get 0) (i32.const 1)))
        (func $dec (type $t) (i32.sub (local.get 0) (i32.const 1)))
        (func $mix (type $many)
            (f64.add (local.get 3) (f64.promote_f32 (local.get 2)))
            (i32.add (local.get 0) (i32.wrap_i64 (local.get 1))))
        (func $apply (param (ref null $t)) (param i32) (result i32)
            (call_ref $t (local.get 1) (local.get 0)))
        (func (export \"inc\") (param i32) (result i32)
            (call $apply (ref.func $inc) (local.get 0)))
        (func (export \"null\") (result i32) (call $apply (ref.null $t) (i32.const 0)))
        (func (export \"null local\") (result i32) (local (ref null $t))
            (call_ref $t (i32.const 1) (local.get 0)))
        (func (export \"tail null\") (result i32)
            (return_call_ref $t (i32.const 1) (ref.null $t)))
        (func (export \"bottom\") (result i32)
            (call_ref $t (i32.const 1) (ref.null nofunc)))
        (func (export \"chosen\") (param i32) (result i32) (local $f (ref $t))
            (local.set $f (ref.func $inc))
            (if (local.get 0) (then (local.set $f (ref.func $dec))))
            (call_ref $t (call_ref $t (i32.const 10) (local.get $f)) (local.get $f)))
        (func (export \"many\") (result i32) (local f64)
            (call_ref $many (i32.const 1) (i64.const 2) (f32.const 3) (f64.const 4)
                (ref.null func) (ref.func $mix))
            (local.set 0 (f64.convert_i32_s))
            (i32.add (i32.trunc_f64_s) (i32.mul (i32.const 10)
                (i32.trunc_f64_s (local.get 0))))))";
    check(
        text,
        &[
            ("inc", &[41], Ok(42)),
            ("null", &[], Err(Trap::NullReference)),
            ("null local", &[], Err(Trap::NullReference)),
            ("tail null", &[], Err(Trap::NullReference)),
            ("bottom", &[], Err(Trap::NullReference)),
            ("chosen", &[0], Ok(12)),
            ("chosen", &[1], Ok(8)),
            ("many", &[], Ok(37)),
        ],
    );
}

#[test]
fn branches_on_null() {
    let text = "(module
        (type $t (func (result i32)))
        (table $tab 2 (ref null $t))
        (elem (i32.const 1) (ref $t) (ref.func $seven))
        (func $seven (export \"seven\") (result i32) (i32.const 7))
        (func $get (param i32) (result (ref null $t)) (table.get $tab (local.get 0)))
        (func (export \"br_on_null\") (param i32) (result i32)
            (block $null
                (return (call_ref $t (br_on_null $null (call $get (local.get 0))))))
            (i32.const -1))
        (func (export \"br_on_null with values\") (param i32) (result i32)
            (block $null (result i32)
                (i32.const 100)
                (br_on_null $null (call $get (local.get 0)))
                (call_ref $t)
                (i32.add)))
        (func (export \"br_on_non_null\") (param i32) (result i32)
            (block $some (result (ref $t))
                (br_on_non_null $some (call $get (local.get 0)))
                (return (i32.const -2)))
            (call_ref $t))
        (func (export \"as_non_null\") (param i32) (result i32)
            (call_ref $t (ref.as_non_null (call $get (local.get 0)))))
        (func (export \"is_null\") (param i32) (result i32)
            (ref.is_null (call $get (local.get 0))))
        (func (export \"in a loop\") (param i32) (result i32) (local $sum i32)
            (loop $next
                (block $null
                    (local.set $sum (i32.add (local.get $sum) (call_ref $t
                        (br_on_null $null (call $get
                            (i32.and (local.get 0) (i32.const 1))))))))
                (br_if $next (local.tee 0 (i32.sub (local.get 0) (i32.const 1)))))
            (local.get $sum))
        (func (export \"extern\") (param i32) (result i32) (local externref)
            (block $null (drop (br_on_null $null (local.get 1))) (return (i32.const 1)))
            (i32.const 0)))";
    check(
        text,
        &[
            ("br_on_null", &[0], Ok(-1)),
            ("br_on_null", &[1], Ok(7)),
            ("br_on_null with values", &[0], Ok(100)),
            ("br_on_null with values", &[1], Ok(107)),
            ("br_on_non_null", &[0], Ok(-2)),
            ("br_on_non_null", &[1], Ok(7)),
            ("as_non_null", &[0], Err(Trap::NullReference)),
            ("as_non_null", &[1], Ok(7)),
            ("is_null", &[0], Ok(1)),
            ("is_null", &[1], Ok(0)),
            ("in a loop", &[10], Ok(35)),
            ("extern", &[0], Ok(0)),
        ],
    );
}

#[test]
fn typed_tables() {
    let text = "(module
        (type $t (func (param i32) (result i32)))
        (type $u (func))
        (table $full 3 10 (ref $t) (ref.func $one))
        (table $holes 3 10 (ref null $t))
        (table $any 3 funcref (ref.func $one))
        (elem $segment (ref $t) (ref.func $two))
        (elem (table $holes) (i32.const 1) (ref null $t) (ref.func $two) (ref.null $t))
        (elem (table $any) (i32.const 1) func $void)
        (func $one (type $t) (i32.add (local.get 0) (i32.const 1)))
        (func $two (type $t) (i32.add (local.get 0) (i32.const 2)))
        (func $void)
        (func (export \"full\") (param i32) (result i32)
            (call_indirect $full (type $t) (i32.const 10) (local.get 0)))
        (func (export \"holes\") (param i32) (result i32)
            (call_indirect $holes (type $t) (i32.const 10) (local.get 0)))
        (func (export \"any\") (param i32) (result i32)
            (call_indirect $any (type $t) (i32.const 10) (local.get 0)))
        (func (export \"get\") (param i32) (result i32)
            (call_ref $t (i32.const 20) (table.get $full (local.get 0))))
        (func (export \"init\") (param i32)
            (table.init $full $segment (local.get 0) (i32.const 0) (i32.const 1)))
        (func (export \"reset\")
            (table.fill $full (i32.const 0) (ref.func $one) (table.size $full)))
        (func (export \"copy\") (table.copy $any $full (i32.const 0) (i32.const 0) (i32.const 3)))
        (func (export \"uncopy\") (table.set $any (i32.const 1) (ref.func $void)))
        (func (export \"grow\") (param i32) (result i32)
            (table.grow $full (ref.func $two) (local.get 0))))";
    check(
        text,
        &[
            ("full", &[0], Ok(11)),
            ("full", &[2], Ok(11)),
            ("full", &[100], Err(Trap::TableOutOfBounds)),
            ("holes", &[0], Err(Trap::IndirectCallToNull)),
            ("holes", &[1], Ok(12)),
            ("holes", &[2], Err(Trap::IndirectCallToNull)),
            ("any", &[0], Ok(11)),
            ("any", &[1], Err(Trap::BadSignature)),
            ("init", &[2], Ok(0)),
            ("full", &[2], Ok(12)),
            ("get", &[2], Ok(22)),
            ("copy", &[], Ok(0)),
            ("any", &[1], Ok(11)),
            ("any", &[2], Ok(12)),
            ("uncopy", &[], Ok(0)),
            ("init", &[50], Err(Trap::TableOutOfBounds)),
            ("reset", &[], Ok(0)),
        ],
    );
    for engine in engines() {
        let mut store = Store::new(&engine, ());
        let guest = instantiate(&mut store, text, &[]);
        assert_eq!(run(&mut store, guest, "grow", &[2]), Ok(3));
        assert_eq!(run(&mut store, guest, "full", &[4]), Ok(12));
        assert_eq!(run(&mut store, guest, "grow", &[6]), Ok(-1));
        assert_eq!(run(&mut store, guest, "full", &[5]), Err(Trap::TableOutOfBounds));
    }
}

/// Tables without initial values for elements that cannot be null, and locals read before they are set, are invalid.
#[test]
fn what_cannot_be_null() {
    let cases = [
        "(type $t (func)) (table 1 (ref $t))",
        "(type $t (func)) (func (local (ref $t)) (drop (local.get 0)))",
        "(type $t (func)) (global (ref $t) (ref.null $t))",
        "(type $t (func)) (func (param (ref null $t)) (call 1 (local.get 0)))
            (func (param (ref $t)))",
        "(type $t (func)) (type $u (func (param i32))) (func (call_ref $t (ref.null $u)))",
        "(type $t (func)) (func (call_ref $t (ref.null func)))",
        "(type $t (func)) (table 1 externref) (func (call_indirect (type $t) (i32.const 0)))",
    ];
    for body in cases {
        let text = format!("(module {body})");
        palisade::Module::new(&Engine::default(), &text).expect_err(body);
    }
    // With them, they are fine.
    check(
        "(module (type $t (func (result i32)))
            (table 1 (ref $t) (ref.func $f))
            (global $g (ref $t) (ref.func $f))
            (func $f (result i32) (i32.const 3))
            (func (export \"run\") (result i32) (local $l (ref $t))
                (local.set $l (global.get $g))
                (i32.add (call_ref $t (local.get $l))
                    (call_indirect (type $t) (i32.const 0)))))",
        &[("run", &[], Ok(6))],
    );
}

/// `(ref null $ty)` or `(ref $ty)`.
fn reference(nullable: bool, ty: &FuncType) -> ValType {
    RefType::new(nullable, HeapType::ConcreteFunc(ty.clone())).into()
}

/// The message of an error, all of it.
fn message<T: std::fmt::Debug>(result: palisade::Result<T>) -> String {
    format!("{:#}", result.expect_err("it is refused"))
}

/// Functions of the right type, of a wrong one, and null, given by the host wherever a type is expected.
#[test]
fn values_from_the_host() {
    let engine = Engine::default();
    let mut store = Store::new(&engine, ());
    let text = "(module (type $t (func (param i32) (result i32)))
        (func (export \"nullable\") (param (ref null $t)) (result i32)
            (ref.is_null (local.get 0)))
        (func (export \"some\") (param (ref $t)) (result i32)
            (call_ref $t (i32.const 5) (local.get 0)))
        (func (export \"same\") (param (ref null $t)) (result (ref null $t)) (local.get 0))
        (func (export \"bottom\") (param nullfuncref) (result i32)
            (ref.is_null (local.get 0))))";
    let guest = instantiate(&mut store, text, &[]);
    let right = Func::wrap(&mut store, |value: i32| value * 2);
    let wrong = Func::wrap(&mut store, |value: i64| value * 2);
    let ty = right.ty(&store);
    let mut given = |name: &str, value: Val| {
        let func = guest.get_func(&mut store, name).expect("exported");
        call(&mut store, func, &[value]).map(|results| results[0])
    };
    assert_eq!(given("nullable", right.into()).expect("its type").unwrap_i32(), 0);
    assert_eq!(given("nullable", Val::FuncRef(None)).expect("nullable").unwrap_i32(), 1);
    assert_eq!(given("some", right.into()).expect("its type").unwrap_i32(), 10);
    assert_eq!(given("bottom", Val::FuncRef(None)).expect("nullable").unwrap_i32(), 1);
    let same = given("same", right.into()).expect("its type").unwrap_func_ref().expect("given");
    assert!(given("same", Val::FuncRef(None)).expect("nullable").unwrap_func_ref().is_none());
    let wrongs: [(&str, Val, ValType, &str); 7] = [
        ("nullable", wrong.into(), reference(true, &ty), "funcref"),
        ("some", wrong.into(), reference(false, &ty), "funcref"),
        ("some", Val::FuncRef(None), reference(false, &ty), "funcref"),
        ("same", Val::ExternRef(None), reference(true, &ty), "externref"),
        ("same", Val::I32(0), reference(true, &ty), "i32"),
        ("bottom", right.into(), RefType::NULLFUNCREF.into(), "funcref"),
        ("bottom", Val::ExnRef(None), RefType::NULLFUNCREF.into(), "exnref"),
    ];
    for (name, value, expected, found) in wrongs {
        let expected = format!("argument 0: type mismatch: expected {expected}, found {found}");
        assert_eq!(message(given(name, value)), expected, "{name}");
    }
    let doubled = call(&mut store, same, &[Val::I32(4)]).expect("it returns");
    assert_eq!(doubled[0].unwrap_i32(), 8);
}

/// A host function that returns a function of another type has failed.
#[test]
fn results_of_host_functions() {
    let engine = Engine::default();
    let mut store = Store::new(&engine, ());
    let right = Func::wrap(&mut store, |value: i32| value * 2);
    let wrong = Func::wrap(&mut store, || 2);
    let some = reference(false, &right.ty(&store));
    let ty = FuncType::new(&engine, [], [some.clone()]);
    let text = "(module (type $t (func (param i32) (result i32)))
        (import \"\" \"\" (func $host (result (ref $t))))
        (func (export \"run\") (result i32) (call_ref $t (i32.const 5) (call $host))))";
    let values: [(Val, Result<i32, String>); 3] = [
        (right.into(), Ok(10)),
        (wrong.into(), Err(format!("type mismatch: expected {some}, found funcref"))),
        (Val::FuncRef(None), Err(format!("type mismatch: expected {some}, found funcref"))),
    ];
    for (value, expected) in values {
        let host = Func::new(&mut store, ty.clone(), move |_, _, results| {
            results[0] = value;
            Ok(())
        });
        let guest = instantiate(&mut store, text, &[host.into()]);
        let func = guest.get_func(&mut store, "run").expect("exported");
        let found = call(&mut store, func, &[]);
        let found = found.map(|v| v[0].unwrap_i32()).map_err(|error| format!("{error:#}"));
        assert_eq!(found, expected);
    }
}

#[test]
fn tables_and_globals_of_the_host() {
    let engine = Engine::default();
    let mut store = Store::new(&engine, ());
    let right = Func::wrap(&mut store, |value: i32| value * 2);
    let wrong = Func::wrap(&mut store, || 2);
    let ty = right.ty(&store);
    let (some, nullable) = (reference(false, &ty), reference(true, &ty));
    let element = some.as_ref().expect("a reference").clone();
    let mismatch = format!("type mismatch: expected {some}, found funcref");

    let table = TableType::new(element.clone(), 2, Some(4));
    for init in [Ref::Func(None), wrong.into()] {
        assert_eq!(message(Table::new(&mut store, table.clone(), init)), mismatch);
    }
    let table = Table::new(&mut store, table, right.into()).expect("its type");
    for value in [Ref::Func(None), wrong.into()] {
        assert_eq!(message(table.set(&mut store, 0, value)), mismatch);
        assert_eq!(message(table.fill(&mut store, 0, value, 1)), mismatch);
        assert_eq!(message(table.grow(&mut store, 1, value)), mismatch);
    }
    assert_eq!(table.size(&store), 2);
    let global = |content: &ValType| GlobalType::new(content.clone(), Mutability::Var);
    assert_eq!(message(Global::new(&mut store, global(&some), Val::FuncRef(None))), mismatch);
    assert_eq!(message(Global::new(&mut store, global(&some), wrong.into())), mismatch);
    let kept = Global::new(&mut store, global(&some), right.into()).expect("its type");
    assert_eq!(message(kept.set(&mut store, Val::FuncRef(None))), mismatch);
    assert_eq!(message(kept.set(&mut store, wrong.into())), mismatch);
    let nulled = Global::new(&mut store, global(&nullable), Val::FuncRef(None)).expect("nullable");

    let text = "(module (type $t (func (param i32) (result i32)))
        (import \"\" \"table\" (table $tab 2 4 (ref $t)))
        (import \"\" \"kept\" (global $kept (mut (ref $t))))
        (import \"\" \"nulled\" (global $nulled (mut (ref null $t))))
        (func (export \"table\") (param i32) (result i32)
            (call_indirect $tab (type $t) (i32.const 3) (local.get 0)))
        (func (export \"kept\") (result i32) (call_ref $t (i32.const 4) (global.get $kept)))
        (func (export \"nulled\") (result i32)
            (call_ref $t (i32.const 5) (global.get $nulled))))";
    let imports: [Extern; 3] = [table.into(), kept.into(), nulled.into()];
    let guest = instantiate(&mut store, text, &imports);
    assert_eq!(run(&mut store, guest, "table", &[1]), Ok(6));
    assert_eq!(run(&mut store, guest, "kept", &[]), Ok(8));
    assert_eq!(run(&mut store, guest, "nulled", &[]), Err(Trap::NullReference));
    nulled.set(&mut store, right.into()).expect("its type");
    assert_eq!(run(&mut store, guest, "nulled", &[]), Ok(10));
}

/// Tables match only the same element type; globals that cannot change match subtypes too.
#[test]
fn import_matching() {
    let exporter = "(module (type $t (func (param i32)))
        (func $f (export \"f\") (type $t))
        (table (export \"(ref $t)\") 1 (ref $t) (ref.func $f))
        (table (export \"(ref null $t)\") 1 (ref null $t))
        (table (export \"funcref\") 1 funcref)
        (global (export \"g (ref $t)\") (ref $t) (ref.func $f))
        (global (export \"g (ref null $t)\") (ref null $t) (ref.func $f))
        (global (export \"g funcref\") funcref (ref.func $f))
        (global (export \"g (ref null $u)\") (ref null $u) (ref.null $u))
        (type $u (func (param i64)))
        (global (export \"m (ref $t)\") (mut (ref $t)) (ref.func $f))
        (global (export \"m (ref null $t)\") (mut (ref null $t)) (ref.func $f))
        (global (export \"m funcref\") (mut funcref) (ref.func $f)))";
    let types = ["(ref $t)", "(ref null $t)", "funcref"];
    let mut store = Store::new(&Engine::default(), ());
    let owner = instantiate(&mut store, exporter, &[]);
    let mut fits = |import: String, name: String| {
        let text = format!("(module (type $t (func (param i32))) (import \"\" \"\" {import}))");
        let module = module(store.engine(), &text);
        let item = export(&mut store, owner, &name);
        Instance::new(&mut store, &module, &[item]).is_ok()
    };
    for (wanted, expected) in types.iter().enumerate() {
        for (given, found) in types.iter().enumerate() {
            let what = format!("{found} for {expected}");
            let table = fits(format!("(table 1 {expected})"), (*found).to_owned());
            assert_eq!(table, given == wanted, "table of {what}");
            let global = fits(format!("(global {expected})"), format!("g {found}"));
            assert_eq!(global, given <= wanted, "global of {what}");
            let global = fits(format!("(global (mut {expected}))"), format!("m {found}"));
            assert_eq!(global, given == wanted, "mutable global of {what}");
        }
    }
    assert!(!fits("(global (ref null $t))".to_owned(), "g (ref null $u)".to_owned()));
    assert!(fits("(global funcref)".to_owned(), "g (ref null $u)".to_owned()));
}
