//! Names from JavaScript whose functions are renamed too: each is told by what it does.

use crate::{engine, file};
use palisade::{Linker, Module, Result, Store};
use palisade_emscripten::{
    Aborted, Emscripten, EmscriptenBuilder, ImportMap, Imports, MissingFunction, Program,
    map_of_javascript,
};
use palisade_wasi::MemoryOutputPipe;

fn map() -> ImportMap {
    map_of_javascript(&file("glue/renamed.js")).unwrap()
}

#[test]
fn renamed_functions_are_told_by_what_they_do() {
    let expected = [
        ("a", "memory"),
        ("b", "__assert_fail"),
        ("c", "abort"),
        ("d", "fd_write"),
        ("e", "fd_read"),
        ("f", "fd_seek"),
        ("g", "fd_close"),
        ("h", "__syscall_stat64"),
        ("i", "__syscall_lstat64"),
        ("j", "__syscall_fstat64"),
        ("k", "__syscall_unlink"),
        ("l", "__syscall_rmdir"),
        ("m", "__syscall_mkdirat"),
        ("n", "__syscall_chmod"),
        ("o", "__syscall_getcwd"),
        ("p", "__syscall_openat"),
        ("q", "environ_get"),
        ("r", "environ_sizes_get"),
        ("s", "emscripten_resize_heap"),
        ("t", "emscripten_get_now"),
        ("u", "emscripten_date_now"),
        ("v", "proc_exit"),
        ("w", "exit"),
        ("x", "return"),
        ("y", "return 2147483648"),
        ("z", "llvm_eh_typeid_for"),
        ("A", "__cxa_find_matching_catch_4"),
        ("B", "__cxa_find_matching_catch_2"),
        ("C", "__cxa_throw"),
        ("D", "__resumeException"),
        ("F", "__cxa_uncaught_exceptions"),
        ("G", "_emscripten_throw_longjmp"),
        ("H", "emscripten_memcpy_js"),
        ("I", "invoke_vi"),
        ("K", "invoke_iii"),
        ("L", "invoke_ji"),
        ("N", "return 0"),
        ("O", "return 70"),
    ];
    let mut map = map();
    assert_eq!(map.imports(), expected.len());
    assert_eq!(map.unknown().collect::<Vec<_>>(), [("a", "M")]);
    let json = map.to_json();
    assert_eq!(ImportMap::from_json(&json).unwrap(), map);
    for (minified, name) in expected {
        // Nothing changes if the map already says so.
        map.add_import("a", minified, name);
        assert_eq!(map.to_json(), json, "{minified} is not {name}");
    }
}

#[test]
fn renamed_exports_are_told_by_how_they_are_used() {
    let map = map();
    let expected = [
        ("__wasm_call_ctors", "P"),
        ("__indirect_function_table", "Q"),
        ("malloc", "R"),
        ("main", "S"),
        ("emscripten_stack_get_current", "T"),
        ("_emscripten_stack_restore", "U"),
        ("setThrew", "V"),
        ("dynCall_ji", "W"),
    ];
    assert_eq!(map.exports(), expected.len());
    for (name, minified) in expected {
        assert_eq!(map.export(name), minified, "{name}");
    }
    assert_eq!(map.export("free"), "free");
}

/// A program with the names of the JavaScript: it prints, if `main` says so.
fn program(main: &str, stub: bool) -> Result<(i32, Vec<u8>)> {
    let text = format!(
        r#"(module
            (import "a" "a" (memory 1))
            (import "a" "d" (func $write (param i32 i32 i32 i32) (result i32)))
            (import "a" "c" (func $abort (param i32 i32 i32)))
            (import "a" "x" (func $nothing (result i32)))
            (import "a" "y" (func $most (result i32)))
            (import "a" "O" (func $seek (param i32 i64 i32 i32) (result i32)))
            (import "a" "M" (func $unknown (param i32)))
            (global $ready (mut i32) (i32.const 0))
            (data (i32.const 8) "\10\00\00\00\03\00\00\00hi\n")
            (func (export "P") (global.set $ready (i32.const 1)))
            (func (export "S") (param i32 i32) (result i32) {main}))"#
    );
    let module = Module::new(engine(), text)?;
    let map = map();
    let mut linker = Linker::new(engine());
    let imports = Imports::of(&module).map(&map).stub_missing(stub);
    imports.add_to_linker(&mut linker, |guest: &mut Emscripten| guest)?;
    let stdout = MemoryOutputPipe::new(1 << 16);
    let mut builder = EmscriptenBuilder::new();
    builder.arg("program").stdout(stdout.clone()).import_map(map.clone());
    let mut store = Store::new(engine(), builder.build()?);
    let program = Program::instantiate(&mut store, &linker, &module, |guest| guest)?;
    let code = program.run(&mut store)?;
    Ok((code, stdout.contents().to_vec()))
}

#[test]
fn programs_run_with_them() {
    let print = "(drop (call $write (i32.const 1) (i32.const 8) (i32.const 1) (i32.const 0)))
        (i32.add (global.get $ready) (call $nothing))";
    assert_eq!(program(print, true).unwrap(), (1, b"hi\n".to_vec()));
    // What only gives a constant gives it, with whatever type.
    let seek = "(call $seek (i32.const 1) (i64.const 0) (i32.const 0) (i32.const 0))";
    assert_eq!(program(seek, true).unwrap().0, 70);
    let most = "(i32.eq (call $most) (i32.const 0x80000000))";
    assert_eq!(program(most, true).unwrap().0, 1);
}

#[test]
fn what_ends_the_program_does_so_whatever_it_is_given() {
    let abort = "(call $abort (i32.const 1) (i32.const 2) (i32.const 3)) (i32.const 0)";
    let error = program(abort, true).unwrap_err();
    assert!(error.is::<Aborted>(), "{error:?}");
}

#[test]
fn what_is_not_known_is_refused_or_fails_when_it_is_called() {
    let error = program("(i32.const 0)", false).unwrap_err().to_string();
    assert!(error.contains("`a.M`: the map does not know what it means"), "{error}");
    let error = program("(call $unknown (i32.const 0)) (i32.const 0)", true).unwrap_err();
    assert!(error.is::<MissingFunction>(), "{error:?}");
}

#[test]
fn any_text_is_an_error_or_a_map() {
    let text = file("glue/renamed.js");
    // Cut anywhere, with each bracket missing once, and nested without end.
    for end in (0..text.len()).step_by(97).filter(|end| text.is_char_boundary(*end)) {
        let _ = map_of_javascript(&text[..end]);
    }
    for (at, _) in text.match_indices(['{', '}', '(', ')', '`']).step_by(7) {
        let _ = map_of_javascript(&format!("{}{}", &text[..at], &text[at + 1..]));
    }
    for open in ["(", "{a:", "`${", "[", "a=(", "function(", "x=>", "a=b=", "{a:{a:"] {
        let _ = map_of_javascript(&open.repeat(20_000));
    }
    // Names that stand for each other.
    let _ = map_of_javascript("var a=b,b=a;var x={a:{a:a,b:b}};");
}

#[test]
fn a_text_can_have_several_modules() {
    let module = |imports: &str, main: &str| {
        format!(
            "(function(){{var o={{}},w,x={{{imports}}};function e(d){{w=d.exports;o._main=w.{main};\
             o._malloc=w.m;return w}}e(new WebAssembly.Instance(o.m,{{a:x}}));w.{main}{main}()}})();"
        )
    };
    let little = module("a:()=>performance.now()", "s");
    let more = module("a:()=>Date.now(),b:()=>performance.now()", "r");
    for text in [format!("{little}{more}"), format!("{more}{little}")] {
        let map = map_of_javascript(&text).unwrap();
        assert_eq!((map.imports(), map.export("main")), (2, "r"));
        assert_eq!(map.export("__wasm_call_ctors"), "rr");
    }
}

#[test]
fn what_threads_begin_with_is_told() {
    let text = "(function(){var o={},w,p,i=[],n=[],x={a:()=>Date.now(),\
        b:a=>{p(a,!0,1,!1,65536,!1);i.forEach(c=>c())}};\
        function e(d){w=d.exports;o._main=w.m;p=w.q;i.push(w.t);n.unshift(w.c);return w}\
        e(new WebAssembly.Instance(o.m,{a:x}))})();";
    let map = map_of_javascript(text).unwrap();
    let names = ["_emscripten_tls_init", "_emscripten_thread_init", "__wasm_call_ctors"];
    assert_eq!(names.map(|name| map.export(name)), ["t", "q", "c"]);
    let mut named = map.clone();
    named.add_import("a", "b", "__emscripten_init_main_thread_js");
    assert_eq!(named, map);
}
