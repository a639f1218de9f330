//! Minified names, and maps that say what they mean.

use crate::{engine, file, guest, set_up};
use palisade::{Linker, Module, Result, Store};
use palisade_emscripten::{
    Emscripten, EmscriptenBuilder, ImportMap, Imports, Program, Threads, map_of_javascript,
};
use palisade_wasi::MemoryOutputPipe;

fn run(module: &Module, map: &ImportMap) -> Result<(i32, String)> {
    let mut linker = Linker::new(engine());
    Imports::of(module).map(map).add_to_linker(&mut linker, |guest: &mut Emscripten| guest)?;
    let stdout = MemoryOutputPipe::new(1 << 16);
    let mut builder = EmscriptenBuilder::new();
    builder.arg("program").stdout(stdout.clone()).import_map(map.clone());
    let mut store = Store::new(engine(), builder.build()?);
    let program = Program::instantiate(&mut store, &linker, module, |guest| guest)?;
    let code = program.run(&mut store)?;
    Ok((code, String::from_utf8(stdout.contents().to_vec()).unwrap()))
}

#[test]
fn without_a_map_they_are_refused() {
    let error =
        set_up(&guest("hello_minified"), &mut EmscriptenBuilder::new()).unwrap_err().to_string();
    for part in ["2 imports are minified", "`a.a`", "--import-map", "palisade emscripten map"] {
        assert!(error.contains(part), "{error}");
    }
}

#[test]
fn with_a_map_they_run() {
    let map = ImportMap::from_json(
        r#"{"imports": {"a": {"a": "fd_write", "b": "emscripten_memcpy_big"}},
            "exports": {"memory": "c", "__wasm_call_ctors": "d", "main": "e"}}"#,
    );
    let (code, stdout) = run(&guest("hello_minified"), &map.unwrap()).unwrap();
    assert_eq!((code, &stdout[..]), (0, "hello, world\n42  3.14 str c 0xff\n"));
}

#[test]
fn maps_are_found_in_javascript() {
    let map = map_of_javascript(&file("hello_minified.js")).unwrap();
    let (code, stdout) = run(&guest("hello_minified"), &map).unwrap();
    assert_eq!((code, &stdout[..]), (0, "hello, world\n42  3.14 str c 0xff\n"));
    let map = map_of_javascript(&file("p_minified.js")).unwrap();
    let (code, stdout) = run(&guest("p_minified"), &map).unwrap();
    assert_eq!(format!("{stdout}exit code {code}\n"), file("expected/p_minified.txt"));
    assert_eq!(ImportMap::from_json(&map.to_json()).unwrap(), map);
}

#[test]
fn other_javascript_has_none() {
    for text in ["", "var x = 1;", "var asmLibraryArg={", "var asmLibraryArg={a:function(){}};"] {
        let error = map_of_javascript(text).unwrap_err().to_string();
        assert!(error.contains("not JavaScript of a known version"), "{error}");
    }
    // Names that are not minified, and functions that are renamed too.
    assert!(map_of_javascript("var asmLibraryArg={\"fd_write\":_fd_write};").is_err());
    assert!(map_of_javascript("var wasmImports={a:b,c:d};").is_err());
}

#[test]
fn maps_with_wrong_types_are_refused() {
    let module = guest("hello_minified");
    let mut map = ImportMap::new();
    map.add_import("a", "a", "fd_close").add_import("a", "b", "emscripten_memcpy_big");
    let error = run(&module, &map).unwrap_err().to_string();
    assert!(error.contains("`a.a` (`fd_close` by the import map)"), "{error}");
    assert!(error.contains("other types"), "{error}");
    map.add_import("a", "a", "no_such_function").add_import("a", "b", "_emscripten_asm_const_i");
    let error = run(&module, &map).unwrap_err().to_string();
    for part in ["2 imports", "`a.a` (`no_such_function`", "`a.b` (`_emscripten_asm_const_i`"] {
        assert!(error.contains(part), "{error}");
    }
    let mut map = ImportMap::new();
    map.add_import("a", "a", "fd_write").add_import("a", "b", "emscripten_memcpy_big");
    map.add_export("memory", "e").add_export("main", "c");
    assert!(run(&module, &map).is_err(), "functions are no memories");
}

/// Only a map says that a function does nothing but return.
#[test]
fn names_without_a_map_are_names() {
    let module = Module::new(engine(), r#"(module (import "env" "return" (func)))"#).unwrap();
    let mut linker = Linker::new(engine());
    let error = Imports::of(&module).add_to_linker(&mut linker, |guest: &mut Emscripten| guest);
    assert!(error.unwrap_err().to_string().contains("`env.return`"));
}

/// Threads without their own variables would fail in strange ways.
#[test]
fn maps_for_threads_say_what_they_begin_with() {
    let module = Module::new(
        engine(),
        r#"(module (import "a" "a" (memory 1 1 shared))
            (import "a" "b" (func (param i32 i32 i32 i32) (result i32)))
            (func (export "c") (result i32) i32.const 0)
            (func (export "main") (result i32) i32.const 5))"#,
    )
    .unwrap();
    let start = |map: ImportMap| {
        let mut linker = Linker::new(engine());
        let imports = Imports::of(&module).map(&map);
        imports.add_to_linker(&mut linker, |guest: &mut Emscripten| guest)?;
        let context = EmscriptenBuilder::new().import_map(map).build()?;
        let mut store = Store::new(engine(), context);
        let threads = Threads::new();
        Program::with_threads(&mut store, &linker, &module, |guest| guest, threads)?.run(&mut store)
    };
    let mut map = ImportMap::new();
    map.add_import("a", "b", "__pthread_create_js");
    let error = start(map.clone()).unwrap_err();
    assert!(error.to_string().contains("`_emscripten_tls_init`"), "{error}");
    map.add_export("_emscripten_tls_init", "c");
    assert_eq!(start(map).unwrap(), 5);
}
