//! Types of functions in one module: subtypes, recursion groups, and long chains of them.

use crate::{check, module};
use palisade::{Engine, Func, FuncType, HeapType, Module, RefType, Store, Trap, ValType};

/// The type of the function that a module exports by this name.
pub(crate) fn type_of(module: &Module, name: &str) -> FuncType {
    let ty = module.get_export(name).unwrap_or_else(|| panic!("{name} is missing"));
    ty.unwrap_func().clone()
}

/// A line of types, each a subtype of the one before, a branch, and one beside them of the same shape.
pub(crate) const LINE: &str = "
    (type $a (sub (func (result i32))))
    (type $b (sub $a (func (result i32))))
    (type $c (sub final $b (func (result i32))))
    (type $branch (sub final $a (func (result i32))))
    (type $other (sub (func (result i32))))
    (type $closed (func (result i32)))
    (func $fa (export \"a\") (type $a) (i32.const 1))
    (func $fb (export \"b\") (type $b) (i32.const 2))
    (func $fc (export \"c\") (type $c) (i32.const 3))
    (func $fbranch (export \"branch\") (type $branch) (i32.const 4))
    (func $fother (export \"other\") (type $other) (i32.const 5))
    (func $fclosed (export \"closed\") (type $closed) (i32.const 6))";

pub(crate) const NAMES: [&str; 6] = ["a", "b", "c", "branch", "other", "closed"];

/// Whether a function of the type at one place of `NAMES` may stand for one of the type at another. `$other` is defined
/// as `$a` is, each in a group of its own, so it is the same type.
pub(crate) fn fits(found: usize, expected: usize) -> bool {
    let line = |place: usize| match NAMES[place] {
        "a" | "other" => vec!["a"],
        "b" => vec!["a", "b"],
        "c" => vec!["a", "b", "c"],
        "branch" => vec!["a", "branch"],
        _ => vec!["closed"],
    };
    line(found).contains(line(expected).last().expect("itself"))
}

#[test]
fn calls_of_subtypes() {
    let items: String = NAMES.iter().map(|name| format!("$f{name} ")).collect();
    let mut functions = String::new();
    for name in NAMES {
        functions += &format!(
            "(func (export \"call {name}\") (param i32) (result i32)
                (call_indirect $any (type ${name}) (local.get 0)))
            (func (export \"tail {name}\") (param i32) (result i32)
                (return_call_indirect $any (type ${name}) (local.get 0)))"
        );
    }
    let text = format!("(module {LINE} (table $any funcref (elem {items})) {functions})");
    for (expected, name) in NAMES.iter().enumerate() {
        for found in 0..NAMES.len() {
            let end = match fits(found, expected) {
                true => Ok(found as i32 + 1),
                false => Err(Trap::BadSignature),
            };
            let params = [found as i32];
            let names = [format!("call {name}"), format!("tail {name}")];
            check(&text, &[(&names[0], &params, end), (&names[1], &params, end)]);
        }
    }
}

/// A table whose elements are of a type that others are subtypes of: what is there may be less than what is asked for.
#[test]
fn tables_of_supertypes() {
    let text = format!(
        "(module {LINE}
            (table $tab (ref null $a) (elem (ref.func $fa) (ref.func $fb) (ref.func $fc)
                (ref.func $fbranch) (ref.null $a)))
            (func (export \"a\u{20}\") (param i32) (result i32)
                (call_indirect $tab (type $a) (local.get 0)))
            (func (export \"b\u{20}\") (param i32) (result i32)
                (call_indirect $tab (type $b) (local.get 0)))
            (func (export \"c\u{20}\") (param i32) (result i32)
                (call_indirect $tab (type $c) (local.get 0)))
            (func (export \"set\") (table.set $tab (i32.const 4) (ref.func $fc)))
            (func (export \"ref\") (param i32) (result i32)
                (call_ref $a (table.get $tab (local.get 0)))))"
    );
    let (bad, null) = (Err(Trap::BadSignature), Err(Trap::IndirectCallToNull));
    for (name, ends) in [
        ("a ", [Ok(1), Ok(2), Ok(3), Ok(4), null]),
        ("b ", [bad, Ok(2), Ok(3), bad, null]),
        ("c ", [bad, bad, Ok(3), bad, null]),
        ("ref", [Ok(1), Ok(2), Ok(3), Ok(4), Err(Trap::NullReference)]),
    ] {
        for (place, end) in ends.into_iter().enumerate() {
            check(&text, &[(name, &[place as i32], end)]);
        }
    }
    check(&text, &[("set", &[], Ok(0)), ("c ", &[4], Ok(3)), ("b ", &[4], Ok(3))]);
}

/// What subtypes may differ in, and what not.
#[test]
fn declarations() {
    let fine = [
        "(type $p (sub (func (param (ref $q)) (result (ref null $q)))))
            (type (sub $p (func (param (ref null $q)) (result (ref $q)))))",
        "(type $p (sub (func (param funcref)))) (type (sub final $p (func (param funcref))))",
        "(type $p (sub (func (result funcref)))) (type (sub $p (func (result (ref $q)))))",
    ];
    let wrong = [
        "(type $p (func)) (type (sub $p (func)))",
        "(type $p (sub final (func))) (type (sub $p (func)))",
        "(type $p (sub (func))) (type (sub $p (func (param i32))))",
        "(type $p (sub (func (result i32)))) (type (sub $p (func (result i64))))",
        "(type $p (sub (func (param funcref)))) (type (sub $p (func (param (ref $q)))))",
        "(type $p (sub (func (result (ref $q))))) (type (sub $p (func (result funcref))))",
        "(type (sub 9 (func)))",
        "(type (sub 2 (func))) (type (sub (func)))",
    ];
    let compile =
        |types: &str| Module::new(&Engine::default(), format!("(module (type $q (func)) {types})"));
    for types in fine {
        compile(types).unwrap_or_else(|error| panic!("{types}: {error}"));
    }
    for types in wrong {
        compile(types).expect_err(types);
    }
}

/// What the types of functions tell of themselves.
#[test]
fn described() {
    let engine = Engine::default();
    let module = module(&engine, &format!("(module {LINE})"));
    let types = NAMES.map(|name| type_of(&module, name));
    for (found, a) in types.iter().enumerate() {
        for (expected, b) in types.iter().enumerate() {
            let what = format!("{} for {}", NAMES[found], NAMES[expected]);
            assert_eq!(a.matches(b), fits(found, expected), "{what}");
            let same = fits(found, expected) && fits(expected, found);
            assert_eq!(a == b, same, "{what}");
            assert_eq!(b == a, same, "{what}");
        }
    }
    let finals = types.each_ref().map(FuncType::is_final);
    assert_eq!(finals, [false, false, true, true, false, true]);
    let supertypes = types.each_ref().map(FuncType::supertype);
    let [a, b, ..] = types.clone();
    assert_eq!(supertypes, [None, Some(a.clone()), Some(b), Some(a), None, None]);
    let own = FuncType::new(&engine, [], [ValType::I32]);
    assert!(own.is_final());
    assert_eq!(own, types[5]);
    assert_ne!(own, types[0], "one is final, the other is not");
    for ty in &types {
        assert_eq!(ty.result(0), Some(ValType::I32));
        assert_eq!((ty.params().len(), ty.results().len(), ty.param(0)), (0, 1, None));
        assert_eq!(ty.to_string(), "() -> (i32)");
    }
}

#[test]
fn types_that_name_themselves() {
    let text = "(module
        (rec (type $f (func (param (ref null $f) i32) (result i32))))
        (rec (type $odd (func (param (ref null $even) i32) (result i32)))
            (type $even (func (param (ref null $odd) i32) (result i32))))
        (elem declare func $count)
        (func $count (export \"count\") (type $f)
            (if (i32.eqz (local.get 1)) (then (return (i32.const 0))))
            (i32.add (i32.const 1)
                (call_ref $f (local.get 0) (i32.sub (local.get 1) (i32.const 1))
                    (local.get 0))))
        (func (export \"run\") (param i32) (result i32)
            (call $count (ref.func $count) (local.get 0)))
        (func (export \"null\") (param i32) (result i32)
            (call $count (ref.null $f) (local.get 0)))
        (func (export \"odd\") (type $odd) (i32.const 1))
        (func (export \"even\") (type $even) (i32.const 0)))";
    check(
        text,
        &[
            ("run", &[100], Ok(100)),
            ("null", &[0], Ok(0)),
            ("null", &[1], Err(Trap::NullReference)),
        ],
    );
    let module = module(&Engine::default(), text);
    let of = |ty: &FuncType| match ty.param(0) {
        Some(ValType::Ref(ty)) => match ty.heap_type() {
            HeapType::ConcreteFunc(ty) => ty.clone(),
            other => panic!("a function's type: {other}"),
        },
        other => panic!("a reference: {other:?}"),
    };
    let [count, odd, even] = ["count", "odd", "even"].map(|name| type_of(&module, name));
    assert_eq!(of(&count), count);
    assert_eq!(of(&odd), even);
    assert_eq!(of(&even), odd);
    assert_ne!(odd, even);
}

/// Types of one engine mean nothing to another.
#[test]
fn other_engines() {
    let [one, other] = [(); 2].map(|()| Engine::default());
    let modules = [&one, &other].map(|engine| module(engine, &format!("(module {LINE})")));
    for name in NAMES {
        let [a, b] = modules.each_ref().map(|module| type_of(module, name));
        assert!(a != b && !a.matches(&b) && !b.matches(&a), "{name}");
        assert!(a.is_of(&one) && !a.is_of(&other), "{name}");
    }
    let mut store = Store::new(&one, ());
    let foreign = FuncType::new(&other, [], []);
    let make = || Func::new(&mut store, foreign.clone(), |_, _, _| Ok(()));
    let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(make));
    result.expect_err("as the documentation says");
    let mut linker = palisade::Linker::<()>::new(&one);
    let error = linker.func_new("", "", foreign.clone(), |_, _, _| Ok(())).map(|_| ());
    let error = error.expect_err("another engine's type").to_string();
    assert_eq!(error, "the function's type belongs to another engine");
    // A value type may carry a foreign type into a function's own: nothing of the store can be of it.
    let heap = HeapType::ConcreteFunc(foreign);
    let ty = FuncType::new(&one, [RefType::new(true, heap).into()], []);
    let takes = Func::new(&mut store, ty, |_, _, _| Ok(()));
    let given = Func::wrap(&mut store, || {});
    takes.call(&mut store, &[given.into()], &mut []).expect_err("it is of another type");
    takes.call(&mut store, &[palisade::Val::FuncRef(None)], &mut []).expect("null has no type");
}

/// A module of so many types, each of which takes a reference to the one before.
fn chain(length: u32) -> String {
    let links = (1..length).map(|ty| format!("(type (func (param (ref null {}))))", ty - 1));
    format!("(module (type (func)) {})", links.collect::<String>())
}

#[test]
fn chains_of_200000_types() {
    let thread = std::thread::Builder::new().stack_size(1 << 20).spawn(|| {
        let engine = Engine::default();
        let text = chain(200_000);
        for _ in 0..2 {
            let module = Module::new(&engine, &text).expect("it is valid");
            let mut store = Store::new(&engine, ());
            palisade::Instance::new(&mut store, &module, &[]).expect("no imports");
            drop(module);
            drop(store);
        }
        Module::new(&engine, "(module (func))").expect("the engine still works");
    });
    thread.expect("a thread").join().expect("no overflow");
}
