//! Linkers: what resolves an import, and what errors say when nothing does.

use crate::{assert_error, instance, module, store};
use palisade::error::ErrorKind;
use palisade::{
    Caller, Engine, Error, Extern, Func, FuncType, Global, GlobalType, Linker, Memory, MemoryType,
    Module, Mutability, Ref, RefType, Result, Store, Table, TableType, Val, ValType,
};

/// Instantiates a text module; its error.
#[track_caller]
fn refusal<T: 'static>(linker: &Linker<T>, store: &mut Store<T>, text: &str) -> Error {
    let module = module(store, text);
    linker.instantiate(store, &module).expect_err("the imports do not fit")
}

#[test]
fn missing_imports_are_listed_at_once() {
    let mut store = store();
    let text = r#"(module
        (import "env" "sbrk" (func (param i32) (result i32)))
        (import "host" "m" (memory 1 2))
        (import "host" "known" (func))
        (import "host" "t" (table 3 externref))
        (import "host" "g" (global (mut f64))))"#;
    let mut linker = Linker::new(store.engine());
    linker.func_wrap("host", "known", || {}).unwrap();
    let error = refusal(&linker, &mut store, text);
    assert!(matches!(error.kind(), ErrorKind::Link(_)));
    assert_eq!(
        error.to_string(),
        "4 unknown imports:
  `\"env\".\"sbrk\"`: func (i32) -> (i32) has not been defined
  `\"host\".\"m\"`: memory 1 2 has not been defined
  `\"host\".\"t\"`: table 3 externref has not been defined
  `\"host\".\"g\"`: global (mut f64) has not been defined
hint: this looks like an Emscripten module; its imports come from `palisade_emscripten::add_to_linker`"
    );
}

#[test]
fn similar_names_are_proposed() {
    let mut store = store();
    let mut linker = Linker::new(store.engine());
    for (module, name) in [("host", "print"), ("other", "read")] {
        linker.func_wrap(module, name, || {}).unwrap();
    }
    for (import, meant) in [
        (r#""host" "prnt""#, Some(r#""host"."print""#)),
        (r#""host" "pritn""#, Some(r#""host"."print""#)),
        (r#""host" "printf""#, Some(r#""host"."print""#)),
        (r#""hots" "print""#, Some(r#""host"."print""#)),
        (r#""host" "read""#, Some(r#""other"."read""#)),
        (r#""host" "write""#, None),
    ] {
        let text = format!("(module (import {import} (func)))");
        let message = refusal(&linker, &mut store, &text).to_string();
        let hint = meant.map(|meant| format!(" (did you mean `{meant}`?)")).unwrap_or_default();
        let name = import.replace(' ', ".");
        let expected =
            format!("unknown import:\n  `{name}`: func () -> () has not been defined{hint}");
        assert_eq!(message, expected);
    }
}

#[test]
fn origins_are_recognised() {
    let mut store = store();
    let linker = Linker::new(store.engine());
    for (import, word) in [
        (r#""env" "emscripten_memcpy_js""#, "palisade_emscripten"),
        (r#""env" "__syscall_openat""#, "palisade_emscripten"),
        (r#""GOT.func" "f""#, "shared library"),
        (r#""env" "__memory_base""#, "shared library"),
        (r#""env" "invoke_vii""#, "palisade_emscripten"),
        (r#""a" "b""#, "-O3"),
        (r#""wasi_snapshot_preview1" "fd_write""#, "palisade_wasi::add_to_linker"),
        (r#""gojs" "runtime.wasmExit""#, "JavaScript"),
        (r#""__wbindgen_placeholder__" "x""#, "wasm-bindgen"),
    ] {
        let message = refusal(&linker, &mut store, &format!("(module (import {import} (func)))"));
        let message = message.to_string();
        let hint = message.lines().last().unwrap();
        assert!(hint.starts_with("hint: ") && hint.contains(word), "{message}");
    }
    let unknown = refusal(&linker, &mut store, r#"(module (import "x" "y" (func)))"#);
    assert!(!unknown.to_string().contains("hint"));
}

/// A linker with one item of each kind in module `e`.
fn items(store: &mut Store<()>) -> Linker<()> {
    let mut linker = Linker::new(store.engine());
    let global = GlobalType::new(ValType::I32, Mutability::Const);
    let variable = GlobalType::new(ValType::I64, Mutability::Var);
    let table = TableType::new(RefType::FUNCREF, 2, Some(5));
    let items: [(&str, Extern); 5] = [
        ("f", Func::wrap(&mut *store, |_: i32| {}).into()),
        ("g", Global::new(&mut *store, global, Val::I32(1)).unwrap().into()),
        ("v", Global::new(&mut *store, variable, Val::I64(1)).unwrap().into()),
        ("t", Table::new(&mut *store, table, Ref::Func(None)).unwrap().into()),
        ("m", Memory::new(&mut *store, MemoryType::new(1, Some(3))).unwrap().into()),
    ];
    for (name, item) in items {
        linker.define(&*store, "e", name, item).unwrap();
    }
    linker
}

/// An import, and why the item of that name does not fit; nothing if it does.
const IMPORTS: &[(&str, &str, &str)] = &[
    ("f", "(func (param i32))", ""),
    ("f", "(func (param i64))", "expected func (i64) -> (), found func (i32) -> ()"),
    (
        "f",
        "(func (param i32) (result i32))",
        "expected func (i32) -> (i32), found func (i32) -> ()",
    ),
    ("f", "(memory 1)", "expected a memory, found a function"),
    ("m", "(func)", "expected a function, found a memory"),
    ("t", "(global i32)", "expected a global, found a table"),
    ("g", "(table 1 funcref)", "expected a table, found a global"),
    ("g", "(global i32)", ""),
    ("g", "(global (mut i32))", "expected global (mut i32), found global i32"),
    ("g", "(global i64)", "expected global i64, found global i32"),
    ("v", "(global (mut i64))", ""),
    ("v", "(global i64)", "expected global i64, found global (mut i64)"),
    ("t", "(table 2 5 funcref)", ""),
    ("t", "(table 0 funcref)", ""),
    ("t", "(table 3 funcref)", "expected table 3 funcref, found table 2 5 funcref of 2 elements"),
    (
        "t",
        "(table 1 4 funcref)",
        "expected table 1 4 funcref, found table 2 5 funcref of 2 elements",
    ),
    (
        "t",
        "(table 1 externref)",
        "expected table 1 externref, found table 2 5 funcref of 2 elements",
    ),
    ("m", "(memory 1 3)", ""),
    ("m", "(memory 0)", ""),
    ("m", "(memory 2)", "expected memory 2, found memory 1 3 of 1 pages"),
    ("m", "(memory 1 2)", "expected memory 1 2, found memory 1 3 of 1 pages"),
];

#[test]
fn items_must_fit() {
    let mut store = store();
    let linker = items(&mut store);
    for (name, ty, message) in IMPORTS {
        let module = module(&store, &format!(r#"(module (import "e" "{name}" {ty}))"#));
        let item = linker.get(&mut store, "e", name).unwrap();
        for result in [
            linker.instantiate(&mut store, &module),
            linker.instantiate_pre(&module).unwrap().instantiate(&mut store),
            palisade::Instance::new(&mut store, &module, &[item]),
        ] {
            if message.is_empty() {
                assert!(result.is_ok(), "{name} as {ty}: {result:?}");
                continue;
            }
            let error = result.expect_err(message);
            assert!(matches!(error.kind(), ErrorKind::Link(_)), "{error:?}");
            let expected = format!("incompatible import type for `\"e\".\"{name}\"`: {message}");
            assert_error(Err::<(), _>(error), &expected);
        }
    }
}

#[test]
fn host_functions_must_fit() {
    let mut store = store();
    let mut linker = Linker::new(store.engine());
    linker.func_wrap("e", "f", |_: i32| 1_i64).unwrap();
    for (ty, message) in [
        ("(func (param f32))", "expected func (f32) -> (), found func (i32) -> (i64)"),
        ("(memory 1)", "expected a memory, found a function"),
    ] {
        let error = refusal(&linker, &mut store, &format!(r#"(module (import "e" "f" {ty}))"#));
        let expected = format!("incompatible import type for `\"e\".\"f\"`: {message}");
        assert_error(Err::<(), _>(error), &expected);
    }
}

#[test]
fn current_size_counts() {
    let mut store = store();
    let linker = items(&mut store);
    let memory = linker.get(&mut store, "e", "m").unwrap().into_memory().unwrap();
    let text = r#"(module (import "e" "m" (memory 2 3)))"#;
    refusal(&linker, &mut store, text);
    memory.grow(&mut store, 1).unwrap();
    let module = module(&store, text);
    linker.instantiate(&mut store, &module).unwrap();
}

#[test]
fn number_of_imports_must_fit() {
    let mut store = store();
    let module = module(&store, r#"(module (import "" "" (func)))"#);
    let result = palisade::Instance::new(&mut store, &module, &[]);
    assert_error(result, "expected 1 imports, found 0");
}

/// What the function `module`, `name` of a linker gives.
fn call<T: 'static>(linker: &Linker<T>, store: &mut Store<T>, module: &str, name: &str) -> i32 {
    let func = linker.get(&mut *store, module, name).unwrap().into_func().unwrap();
    func.typed::<(), i32>(&*store).unwrap().call(store, ()).unwrap()
}

#[test]
fn names_are_defined_once() {
    let mut store = store();
    let mut linker = Linker::new(store.engine());
    linker.func_wrap("m", "f", || 1).unwrap();
    let ty = FuncType::new(store.engine(), [], [ValType::I32]);
    let two = Func::wrap(&mut store, || 2);
    let text = r#"(module (func (export "f") (result i32) (i32.const 3)))"#;
    let three = instance(&mut store, text, &[]);
    let message = "import of `m::f` defined twice";
    assert_error(linker.func_wrap("m", "f", || 9).map(|_| ()), message);
    let new = |_: Caller<'_, ()>, _: &[Val], results: &mut [Val]| {
        results[0] = Val::I32(4);
        Ok(())
    };
    assert_error(linker.func_new("m", "f", ty.clone(), new).map(|_| ()), message);
    assert_error(linker.define(&store, "m", "f", two).map(|_| ()), message);
    assert_error(linker.instance(&mut store, "m", three).map(|_| ()), message);
    assert_eq!(call(&linker, &mut store, "m", "f"), 1);
    linker.allow_shadowing(true);
    linker.define(&store, "m", "f", two).unwrap();
    assert_eq!(call(&linker, &mut store, "m", "f"), 2);
    linker.instance(&mut store, "m", three).unwrap();
    assert_eq!(call(&linker, &mut store, "m", "f"), 3);
    linker.func_new("m", "f", ty, new).unwrap();
    assert_eq!(call(&linker, &mut store, "m", "f"), 4);
    linker.allow_shadowing(false);
    assert_error(linker.func_wrap("m", "f", || 9).map(|_| ()), message);
}

#[test]
fn aliases_mean_the_same() {
    let mut store = store();
    let mut linker = Linker::new(store.engine());
    linker.func_wrap("m", "f", || 1).unwrap().func_wrap("m", "g", || 2).unwrap();
    linker.alias("m", "f", "n", "h").unwrap();
    assert_eq!(call(&linker, &mut store, "n", "h"), 1);
    linker.alias_module("m", "whole").unwrap();
    assert_eq!(call(&linker, &mut store, "whole", "g"), 2);
    let result = linker.alias("m", "absent", "n", "x").map(|_| ());
    assert_error(result, "no definition of `m::absent` to alias");
    let result = linker.alias("m", "f", "n", "h").map(|_| ());
    assert_error(result, "import of `n::h` defined twice");
    assert_error(linker.alias_module("n", "n"), "import of `n::h` defined twice");
    // A clone goes its own way.
    let mut clone = linker.clone();
    clone.func_wrap("clone", "f", || 3).unwrap();
    assert!(linker.get(&mut store, "clone", "f").is_none());
}

#[test]
fn imports_are_looked_up() {
    let mut store = store();
    let linker = items(&mut store);
    let text = r#"(module (import "e" "m" (memory 1)) (import "e" "x" (func)))"#;
    let module = module(&store, text);
    let found: Vec<_> =
        module.imports().map(|import| linker.get_by_import(&mut store, &import)).collect();
    assert!(matches!(found[..], [Some(Extern::Memory(_)), None]));
    assert!(linker.get(&mut store, "x", "m").is_none());
}

#[test]
fn instances_are_linked_to_instances() {
    let mut store = store();
    let mut linker = Linker::new(store.engine());
    let text = r#"(module (global $n (export "n") (mut i32) (i32.const 5))
        (memory (export "memory") 1)
        (func (export "next") (result i32)
            (global.set $n (i32.add (global.get $n) (i32.const 1))) (global.get $n)))"#;
    let counter = module(&store, text);
    linker.module(&mut store, "counter", &counter).unwrap();
    let text = r#"(module (import "counter" "next" (func $next (result i32)))
        (import "counter" "memory" (memory 1))
        (func (export "f") (result i32)
            (i32.store8 (i32.const 9) (i32.const 77)) (i32.add (call $next) (call $next))))"#;
    let user = module(&store, text);
    linker.module(&mut store, "user", &user).unwrap();
    assert_eq!(call(&linker, &mut store, "user", "f"), 6 + 7);
    assert_eq!(call(&linker, &mut store, "counter", "next"), 8);
    let memory = linker.get(&mut store, "counter", "memory").unwrap().into_memory().unwrap();
    assert_eq!(memory.data(&store)[9], 77);
}

#[test]
fn commands_begin_anew_and_reactors_are_initialised_once() {
    let mut store = store();
    let mut linker = Linker::new(store.engine());
    let text = |start: &str| {
        format!(
            r#"(module (global $n (mut i32) (i32.const 0)) (memory (export "memory") 1)
                (func (export "{start}") (global.set $n (i32.const 100)))
                (func (export "next") (result i32)
                    (global.set $n (i32.add (global.get $n) (i32.const 1))) (global.get $n)))"#
        )
    };
    let command = module(&store, &text("_start"));
    linker.module(&mut store, "command", &command).unwrap();
    let reactor = module(&store, &text("_initialize"));
    linker.module(&mut store, "reactor", &reactor).unwrap();
    for round in 1..4 {
        assert_eq!(call(&linker, &mut store, "command", "next"), 1);
        assert_eq!(call(&linker, &mut store, "reactor", "next"), 100 + round);
    }
    for name in ["_start", ""] {
        let start = linker.get(&mut store, "command", name).unwrap().into_func().unwrap();
        start.typed::<(), ()>(&store).unwrap().call(&mut store, ()).unwrap();
    }
    assert!(linker.get(&mut store, "command", "memory").is_none());
    assert!(linker.get(&mut store, "reactor", "memory").is_some());
}

#[test]
fn commands_export_functions_only() {
    let mut store = store();
    let mut linker = Linker::new(store.engine());
    let text = r#"(module (func (export "_start")) (global (export "g") i32 (i32.const 1)))"#;
    let command = module(&store, text);
    let result = linker.module(&mut store, "command", &command).map(|_| ());
    assert_error(result, "command export `g` is a global, not a function");
}

#[test]
fn unknown_imports_trap_by_name() {
    let mut store = store();
    let text = r#"(module (import "env" "known" (func $known (result i32)))
        (import "env" "absent" (func $absent (param i64 f32) (result externref)))
        (func (export "known") (result i32) (call $known))
        (func (export "absent") (drop (call $absent (i64.const 1) (f32.const 2)))))"#;
    let guest = module(&store, text);
    let mut linker = Linker::new(store.engine());
    linker.func_wrap("env", "known", || 5).unwrap();
    linker.define_unknown_imports_as_traps(&guest).unwrap();
    let instance = linker.instantiate(&mut store, &guest).unwrap();
    let known = instance.get_typed_func::<(), i32>(&mut store, "known").unwrap();
    assert_eq!(known.call(&mut store, ()).unwrap(), 5);
    let absent = instance.get_typed_func::<(), ()>(&mut store, "absent").unwrap();
    let result = absent.call(&mut store, ());
    assert_error(result, "unknown import: `env::absent` has not been defined");
    let memory = module(&store, r#"(module (import "env" "memory" (memory 1)))"#);
    let result = linker.define_unknown_imports_as_traps(&memory);
    assert_error(result, "unknown import `\"env\".\"memory\"` is a memory, not a function");
}

#[test]
fn resolved_modules_serve_many_stores() {
    let engine = Engine::default();
    let text = r#"(module (import "host" "id" (func $id (result i32)))
        (global $calls (mut i32) (i32.const 0))
        (func (export "f") (result i32)
            (global.set $calls (i32.add (global.get $calls) (i32.const 1)))
            (i32.add (call $id) (global.get $calls))))"#;
    let module = Module::new(&engine, text).unwrap();
    let mut linker = Linker::new(&engine);
    linker.func_wrap("host", "id", |caller: Caller<'_, i32>| *caller.data()).unwrap();
    let pre = linker.instantiate_pre(&module).unwrap();
    drop(linker);
    assert_eq!(pre.module().exports().len(), 1);
    for id in 0..50 {
        let mut store = Store::new(&engine, id * 10);
        for _ in 0..3 {
            let instance = pre.clone().instantiate(&mut store).unwrap();
            let f = instance.get_typed_func::<(), i32>(&mut store, "f").unwrap();
            let results: Result<Vec<i32>> = (0..2).map(|_| f.call(&mut store, ())).collect();
            assert_eq!(results.unwrap(), [id * 10 + 1, id * 10 + 2]);
        }
    }
    let empty = Linker::<()>::new(&engine);
    let error = empty.instantiate_pre(&module).map(|_| ()).unwrap_err();
    assert!(error.to_string().starts_with("unknown import:\n  `\"host\".\"id\"`"));
}
