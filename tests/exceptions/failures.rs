//! What is no exception: traps, errors and panics pass all handlers.

use crate::{Trapped, Value, call_export, engines, instantiate, run, trap};
use palisade::{Caller, Engine, Error, Extern, Func, FuncType, Instance, Store, Trap};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

/// Each function traps in its own way.
const TRAPS: [(&str, Trap); 10] = [
    ("(unreachable)", Trap::UnreachableCodeReached),
    ("(drop (i32.load (i32.const 65536)))", Trap::MemoryOutOfBounds),
    ("(memory.fill (i32.const 65530) (i32.const 1) (i32.const 7))", Trap::MemoryOutOfBounds),
    ("(drop (table.get $t (i32.const 2)))", Trap::TableOutOfBounds),
    ("(call_indirect $t (i32.const 1))", Trap::IndirectCallToNull),
    ("(call_indirect $t (param i32) (i32.const 0) (i32.const 0))", Trap::BadSignature),
    ("(drop (i32.div_s (i32.const -2147483648) (i32.load (i32.const 0))))", Trap::IntegerOverflow),
    ("(drop (i32.div_u (i32.const 1) (i32.load (i32.const 4))))", Trap::IntegerDivisionByZero),
    ("(drop (i32.trunc_f32_s (f32.load (i32.const 8))))", Trap::BadConversionToInteger),
    ("(drop (ref.as_non_null (table.get $t (i32.const 1))))", Trap::NullReference),
];

/// `body` where all handlers are that catch everything, by name.
fn guarded(body: &str) -> [(&'static str, String); 4] {
    [
        ("catch_all", format!("(block $h (try_table (catch_all $h) {body}))")),
        (
            "catch_all_ref",
            format!(
                "(block $h (result exnref) (try_table (catch_all_ref $h) {body}) (return)) (drop)"
            ),
        ),
        ("older", format!("(try (do {body}) (catch_all))")),
        (
            "older, nested",
            format!("(try (do (try (do {body}) (catch_all (rethrow 0)))) (catch_all))"),
        ),
    ]
}

#[test]
fn traps() {
    for (body, expected) in TRAPS {
        let direct = guarded(body).map(|(name, b)| format!("(func (export \"{name}\") {b})"));
        let called = guarded("(call $traps)")
            .map(|(name, b)| format!("(func (export \"{name}, called\") {b})"));
        let text = format!(
            "(module (memory 1) (table $t 2 2 funcref)
                (elem (i32.const 0) $nothing)
                (data (i32.const 0) \"\\ff\\ff\\ff\\ff\\00\\00\\00\\00\\00\\00\\c0\\7f\")
                (func $nothing)
                (func $traps {body})
                {} {})",
            direct.concat(),
            called.concat()
        );
        for engine in engines() {
            let mut store = Store::new(&engine, ());
            let guest = instantiate(&mut store, &text, &[]);
            for (name, _) in guarded("") {
                for name in [name.to_owned(), format!("{name}, called")] {
                    let end = run(&mut store, guest, &name, &[]);
                    assert_eq!(end, Trapped(expected), "{name} of {body}");
                }
            }
        }
    }
}

/// A call of `down`, which exhausts the stack, or of the import, with each handler around it.
fn guest(store: &mut Store<()>, import: Func) -> Instance {
    let calls = [("import", "(call $import)"), ("down", "(call $down)")];
    let mut functions = String::new();
    for (what, body) in calls {
        for (name, guarded) in guarded(body) {
            functions += &format!("(func (export \"{what}, {name}\") {guarded})");
        }
    }
    let text = format!(
        "(module (import \"\" \"\" (func $import))
            (func $down (call $down) (try (do (call $down)) (catch_all)))
            (func $guarded (export \"guarded\") (try (do (call $guarded)) (catch_all))
                (block $h (try_table (catch_all $h) (call $guarded))))
            {functions}
            (func (export \"answer\") (result i32) (i32.const 42)))"
    );
    instantiate(store, &text, &[import.into()])
}

fn host_functions(
    store: &mut Store<()>,
    body: impl Fn(Caller<'_, ()>) -> Result<(), Error> + Clone + Send + Sync + 'static,
) -> [Func; 2] {
    let wrapped = Func::wrap(&mut *store, body.clone());
    let ty = FuncType::new(store.engine(), [], []);
    [wrapped, Func::new(store, ty, move |caller, _, _| body(caller))]
}

#[test]
fn stack_overflow() {
    for engine in engines() {
        let mut store = Store::new(&engine, ());
        let [import, _] = host_functions(&mut store, |_| Ok(()));
        let guest = guest(&mut store, import);
        for (name, _) in guarded("") {
            let end = run(&mut store, guest, &format!("down, {name}"), &[]);
            assert_eq!(end, Trapped(Trap::StackOverflow), "{name}");
            assert_eq!(run(&mut store, guest, &format!("import, {name}"), &[]), Value(0));
        }
        assert_eq!(run(&mut store, guest, "guarded", &[]), Trapped(Trap::StackOverflow));
        assert_eq!(run(&mut store, guest, "answer", &[]), Value(42));
    }
}

#[test]
fn errors_of_the_host() {
    for engine in engines() {
        let mut store = Store::new(&engine, ());
        for import in host_functions(&mut store, |_| Err(Error::msg("no"))) {
            let guest = guest(&mut store, import);
            for (name, _) in guarded("") {
                let error = call_export(&mut store, guest, &format!("import, {name}"), &[]);
                assert_eq!(error.expect_err("it fails").to_string(), "no");
                assert_eq!(run(&mut store, guest, "answer", &[]), Value(42));
            }
        }
        for import in host_functions(&mut store, |_| Err(Trap::OutOfFuel.into())) {
            let guest = guest(&mut store, import);
            for (name, _) in guarded("") {
                let end = run(&mut store, guest, &format!("import, {name}"), &[]);
                assert_eq!(end, Trapped(Trap::OutOfFuel));
            }
        }
    }
}

#[test]
fn panics_of_the_host() {
    for engine in engines() {
        let mut store = Store::new(&engine, ());
        for import in host_functions(&mut store, |_| resume_unwind(Box::new(7))) {
            let guest = guest(&mut store, import);
            for (name, _) in guarded("") {
                let name = format!("import, {name}");
                let call = || call_export(&mut store, guest, &name, &[]).is_ok();
                let payload = catch_unwind(AssertUnwindSafe(call)).expect_err("it panics");
                assert_eq!(payload.downcast_ref(), Some(&7));
                assert_eq!(run(&mut store, guest, "answer", &[]), Value(42));
            }
        }
    }
}

/// A trap below a function of the host is still a trap above it.
#[test]
fn traps_through_the_host() {
    let mut store = Store::new(&Engine::default(), ());
    let inner = instantiate(&mut store, "(module (func (export \"f\") (unreachable)))", &[]);
    let inner = inner.get_typed_func::<(), ()>(&mut store, "f").expect("its type");
    for import in host_functions(&mut store, move |mut caller| inner.call(&mut caller, ())) {
        let guest = guest(&mut store, import);
        for (name, _) in guarded("") {
            let end = run(&mut store, guest, &format!("import, {name}"), &[]);
            assert_eq!(end, Trapped(Trap::UnreachableCodeReached));
        }
    }
}

/// A trap in a handler, and a trap after an exception was caught.
#[test]
fn traps_after_exceptions() {
    let text = "(module (tag $t (param i32))
        (func $div (param i32) (result i32) (i32.div_u (i32.const 12) (local.get 0)))
        (func (export \"new\") (param i32) (result i32)
            (block $h (result i32)
                (try_table (catch $t $h) (throw $t (local.get 0))) (unreachable))
            (call $div))
        (func (export \"old\") (param i32) (result i32)
            (try (result i32)
                (do (try (result i32) (do (throw $t (local.get 0))) (catch $t (call $div))))
                (catch_all (i32.const 1))))
        (func (export \"old, later\") (param i32) (result i32)
            (try (do (throw $t (local.get 0)))
                (catch_all (if (i32.eq (local.get 0) (i32.const 77)) (then (rethrow 1)))))
            (call $div (local.get 0))))";
    let mut cases: Vec<(&str, &[i32], crate::End)> = Vec::new();
    for name in ["new", "old", "old, later"] {
        cases.push((name, &[0], Trapped(Trap::IntegerDivisionByZero)));
        cases.push((name, &[4], Value(3)));
    }
    crate::check(text, &cases);
}

/// Instantiation fails with what its start function throws or traps with.
#[test]
fn start_functions() {
    for engine in engines() {
        let mut store = Store::new(&engine, ());
        let traps = "(module (func $f (try (do (unreachable)) (catch_all))) (start $f))";
        let module = crate::module(&engine, traps).expect("valid");
        let error = Instance::new(&mut store, &module, &[]).expect_err("it traps");
        assert_eq!(trap(&error), Trap::UnreachableCodeReached);
        let text = "(module (import \"\" \"\" (tag $t (param i32)))
            (func $f (throw $t (i32.const 3))) (start $f))";
        let owner = instantiate(&mut store, "(module (tag (export \"t\") (param i32)))", &[]);
        let tag: Extern = owner.get_export(&mut store, "t").expect("exported");
        let module = crate::module(&engine, text).expect("valid");
        let error = Instance::new(&mut store, &module, &[tag]).expect_err("it throws");
        assert_eq!(crate::end(&mut store, Err(error)), crate::Thrown(vec![3]));
        let caught = "(module (tag $t)
            (global (export \"g\") (mut i32) (i32.const 0))
            (func $f (try (do (throw $t)) (catch $t (global.set 0 (i32.const 5))))) (start $f))";
        let instance = instantiate(&mut store, caught, &[]);
        let global = instance.get_global(&mut store, "g").expect("exported");
        assert_eq!(global.get(&mut store).unwrap_i32(), 5);
    }
}
