//! Types of functions across modules: which are the same, and which functions may stand for which imports.

use crate::types::{LINE, NAMES, fits, type_of};
use crate::{call, engines, export, instantiate, module, run};
use palisade::{Engine, Extern, Instance, Store, Trap, ValType};

/// Definitions of types by one name, `$t`, of the same shape. Two are the same exactly if they are in the same row.
const SAME: [&[&str]; 8] = [
    &["(type $t (func))", "(rec (type $t (func)))", "(type $t (sub final (func)))"],
    &["(type $t (sub (func)))", "(type (func (param i32))) (type $t (sub (func)))"],
    &["(rec (type $t (func)) (type (func)))", "(type (func)) (rec (type $t (func)) (type (func)))"],
    &["(rec (type (func)) (type $t (func)))"],
    &["(rec (type $t (func)) (type (func (param i32))))"],
    &["(rec (type $t (func)) (type (sub (func))))"],
    &["(type $s (sub (func))) (type $t (sub $s (func)))"],
    &["(rec (type $s (sub (func))) (type $t (sub $s (func))))"],
];

fn definitions() -> Vec<(usize, &'static str)> {
    let rows = SAME.iter().enumerate();
    rows.flat_map(|(row, texts)| texts.iter().map(move |text| (row, *text))).collect()
}

/// Told by the API, by import matching, and by `call_indirect`.
#[test]
fn groups_tell_types_apart() {
    for engine in engines() {
        let mut store = Store::new(&engine, ());
        let owner = instantiate(&mut store, "(module (table (export \"t\") 1 funcref))", &[]);
        let table = export(&mut store, owner, "t");
        for (row, a) in definitions() {
            let text = format!(
                "(module {a} (import \"\" \"\" (table 1 funcref)) (func $f (export \"f\") (type $t))
                    (func (export \"fill\") (table.set (i32.const 0) (ref.func $f))))"
            );
            let exporter = instantiate(&mut store, &text, std::slice::from_ref(&table));
            assert_eq!(run(&mut store, exporter, "fill", &[]), Ok(0));
            let func = export(&mut store, exporter, "f");
            for (other_row, b) in definitions() {
                let what = format!("{a} and {b}");
                let importer = module(
                    &engine,
                    &format!(
                        "(module {b} (import \"\" \"\" (func (type $t))) (export \"f\" (func 0)))"
                    ),
                );
                let ty = func.ty(&store).unwrap_func().clone();
                let same = row == other_row;
                assert_eq!(ty == type_of(&importer, "f"), same, "{what}");
                // The two with a supertype stand for their supertype as well.
                let matches = ty.matches(&type_of(&importer, "f"));
                let subtype = row == 6 && other_row == 1;
                assert_eq!(matches, same || subtype, "{what}");
                let linked =
                    Instance::new(&mut store, &importer, std::slice::from_ref(&func)).is_ok();
                assert_eq!(linked, matches, "{what}");
                let caller = format!(
                    "(module {b} (import \"\" \"\" (table 1 funcref))
                        (func (export \"call\") (call_indirect (type $t) (i32.const 0))))"
                );
                let caller = instantiate(&mut store, &caller, std::slice::from_ref(&table));
                let expected = if matches { Ok(0) } else { Err(Trap::BadSignature) };
                assert_eq!(run(&mut store, caller, "call", &[]), expected, "{what}");
            }
        }
    }
}

/// Subtypes stand for their supertypes as imports, and are called as such, in all ways.
#[test]
fn subtypes_across_modules() {
    for engine in engines() {
        let mut store = Store::new(&engine, ());
        let exporter = instantiate(&mut store, &format!("(module {LINE})"), &[]);
        for (expected, wanted) in NAMES.iter().enumerate() {
            let types: String = LINE.lines().filter(|line| line.contains("(type $")).fold(
                String::new(),
                |types, line| match line.trim_start().starts_with("(type") {
                    true => types + line,
                    false => types,
                },
            );
            let text = format!(
                "(module {types}
                    (import \"\" \"\" (func $f (type ${wanted})))
                    (table funcref (elem $f))
                    (func (export \"call\") (result i32) (call $f))
                    (func (export \"ref\") (result i32) (call_ref ${wanted} (ref.func $f)))
                    (func (export \"indirect\") (result i32)
                        (call_indirect (type ${wanted}) (i32.const 0)))
                    (func (export \"tail\") (result i32) (return_call $f))
                    (func (export \"as its own\") (result i32)
                        (call_indirect (type $c) (i32.const 0))))"
            );
            let importer = module(&engine, &text);
            for (found, name) in NAMES.iter().enumerate() {
                let func = export(&mut store, exporter, name);
                let result = Instance::new(&mut store, &importer, &[func]);
                assert_eq!(result.is_ok(), fits(found, expected), "{name} for {wanted}");
                let Ok(guest) = result else { continue };
                for way in ["call", "ref", "indirect", "tail"] {
                    let value = run(&mut store, guest, way, &[]);
                    assert_eq!(value, Ok(found as i32 + 1), "{name} for {wanted}, {way}");
                }
                // The function's own type decides, not that of the import.
                let own = run(&mut store, guest, "as its own", &[]);
                let is_c = if *name == "c" { Ok(3) } else { Err(Trap::BadSignature) };
                assert_eq!(own, is_c, "{name} for {wanted}");
            }
        }
    }
}

/// A function keeps its type when it is exported again by who imports it as a supertype.
#[test]
fn exported_again() {
    let mut store = Store::new(&Engine::default(), ());
    let text = "(module (type $a (sub (func))) (type $b (sub $a (func)))
        (func (export \"f\") (type $b)))";
    let exporter = instantiate(&mut store, text, &[]);
    let func = export(&mut store, exporter, "f");
    let text = "(module (type $a (sub (func)))
        (import \"\" \"\" (func $f (type $a))) (export \"f\" (func $f))
        (func (export \"get\") (result funcref) (ref.func $f)) (elem declare func $f))";
    let passes = instantiate(&mut store, text, std::slice::from_ref(&func));
    let again = export(&mut store, passes, "f");
    let own = func.ty(&store).unwrap_func().clone();
    assert_eq!(again.ty(&store).unwrap_func(), &own);
    assert!(!own.is_final() && own.supertype().is_some());
    let declared = type_of(&passes.module(&store), "f");
    assert_eq!(Some(&declared), own.supertype().as_ref());
    let get = passes.get_func(&mut store, "get").expect("exported");
    let got = call(&mut store, get, &[]).expect("it returns")[0].unwrap_func_ref();
    assert_eq!(got.expect("not null").ty(&store), own);
    let wants_b = "(module (type $a (sub (func))) (type $b (sub $a (func)))
        (import \"\" \"\" (func (type $b))))";
    instantiate(&mut store, wants_b, &[again]);
}

/// Typed references of one module are those of another with the same groups; types live as long as somebody names them.
#[test]
fn identical_groups_meet() {
    let group = "(rec (type $node (func (param (ref null $node)) (result (ref null $leaf))))
        (type $leaf (func (result i32))))";
    for engine in engines() {
        let mut store = Store::new(&engine, ());
        let makes = format!(
            "(module {group} (elem declare func $node $leaf)
                (func $leaf (type $leaf) (i32.const 42))
                (func $node (export \"node\") (type $node)
                    (if (result (ref null $leaf)) (ref.is_null (local.get 0))
                        (then (ref.func $leaf))
                        (else (call_ref $node (ref.null $node) (local.get 0))))))"
        );
        let uses = format!(
            "(module (type (func (param f32))) {group}
                (import \"\" \"\" (func $node (type $node))) (elem declare func $node)
                (func (export \"run\") (result i32)
                    (call_ref $leaf (call $node (ref.func $node)))))"
        );
        let node = {
            let maker = instantiate(&mut store, &makes, &[]);
            export(&mut store, maker, "node")
        };
        let user = instantiate(&mut store, &uses, std::slice::from_ref(&node));
        assert_eq!(run(&mut store, user, "run", &[]), Ok(42));
        let ty = node.ty(&store).unwrap_func().clone();
        drop(store);
        // The types are still known to `ty`, and a module compiled now has the same.
        assert_eq!(type_of(&module(&engine, &makes), "node"), ty);
        assert!(matches!(ty.param(0), Some(ValType::Ref(_))));
        drop(ty);
        let mut store = Store::new(&engine, ());
        let maker = instantiate(&mut store, &makes, &[]);
        let node: Extern = export(&mut store, maker, "node");
        let user = instantiate(&mut store, &uses, &[node]);
        assert_eq!(run(&mut store, user, "run", &[]), Ok(42));
    }
}
