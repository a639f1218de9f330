//! Modules that are recognised, bound, or refused.

use crate::{engine, guest, library, set_up};
use palisade::{Engine, Linker, Module, Store, Trap};
use palisade_emscripten::{
    Emscripten, EmscriptenBuilder, Imports, MissingFunction, Program, add_to_linker, is_emscripten,
    is_minified,
};

fn module(text: &str) -> Module {
    Module::new(engine(), text).unwrap()
}

#[test]
fn modules_are_recognised() {
    for name in ["hello_printf", "hello_iostream", "hello_minified", "threads"] {
        assert!(is_emscripten(&guest(name)), "{name}");
    }
    for name in ["add_global", "impmem"] {
        assert!(is_emscripten(&library(name)), "{name}");
    }
    assert!(!is_emscripten(&guest("args_standalone")));
    assert!(is_minified(&guest("hello_minified")) && !is_minified(&guest("hello_printf")));
    // What clang makes for no system at all is not Emscripten's.
    let plain = module(
        r#"(module (import "env" "log" (func)) (memory (export "memory") 1)
            (func (export "__wasm_call_ctors")) (func (export "main") (result i32) i32.const 0))"#,
    );
    assert!(!is_emscripten(&plain));
    let root = env!("CARGO_MANIFEST_DIR");
    for entry in std::fs::read_dir(format!("{root}/guests/wasi")).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|ending| ending == "wasm") {
            assert!(!is_emscripten(&Module::from_file(engine(), &path).unwrap()), "{path:?}");
        }
    }
}

#[test]
fn what_is_javascript_is_refused_by_name() {
    let error = set_up(&guest("needs_js"), &mut EmscriptenBuilder::new()).unwrap_err().to_string();
    for part in [
        "`env.twice`: not known to this host; perhaps a JavaScript function",
        "`env.emscripten_asm_const_int`: EM_ASM",
        "--stub-missing",
    ] {
        assert!(error.contains(part), "{error}");
    }
    let debug = module(
        r#"(module (import "env" "twice" (func))
            (global (export "__em_js__twice") i32 (i32.const 0)))"#,
    );
    let mut linker = Linker::<Emscripten>::new(engine());
    let error = add_to_linker(&mut linker, &debug, |guest| guest).unwrap_err().to_string();
    assert!(error.contains("`env.twice`: EM_JS"), "{error}");
    let other = module(
        r#"(module (import "gojs" "runtime.wasmExit" (func (param i32)))
            (import "env" "emscripten_glClear" (func (param i32)))
            (import "env" "nobody_knows" (func)))"#,
    );
    let mut linker = Linker::<Emscripten>::new(engine());
    let error = add_to_linker(&mut linker, &other, |guest| guest).unwrap_err().to_string();
    for part in ["3 imports", "Go's interface", "WebGL", "`env.nobody_knows`: not known"] {
        assert!(error.contains(part), "{error}");
    }
}

#[test]
fn missing_functions_can_wait_until_they_are_called() {
    let module = guest("needs_js");
    let mut linker = Linker::new(engine());
    let imports = Imports::of(&module).stub_missing(true);
    imports.add_to_linker(&mut linker, |guest: &mut Emscripten| guest).unwrap();
    let mut store = Store::new(engine(), EmscriptenBuilder::new().arg("x").build().unwrap());
    let program = Program::instantiate(&mut store, &linker, &module, |guest| guest).unwrap();
    let error = program.run(&mut store).unwrap_err();
    assert!(error.is::<MissingFunction>());
    assert!(error.to_string().contains("`env.emscripten_asm_const_int`: EM_ASM"), "{error}");
}

#[test]
fn embedders_can_define_functions() {
    let module = guest("needs_js");
    let mut linker = Linker::new(engine());
    let imports = Imports::of(&module)
        .defined_elsewhere("env", "twice")
        .defined_elsewhere("env", "emscripten_asm_const_int");
    imports.add_to_linker(&mut linker, |guest: &mut Emscripten| guest).unwrap();
    linker.func_wrap("env", "twice", |x: i32| 2 * x).unwrap();
    linker.func_wrap("env", "emscripten_asm_const_int", |_: i32, _: i32, _: i32| 0).unwrap();
    let context = EmscriptenBuilder::new().args(&["x", "y"]).build().unwrap();
    let mut store = Store::new(engine(), context);
    let program = Program::instantiate(&mut store, &linker, &module, |guest| guest).unwrap();
    assert_eq!(program.run(&mut store).unwrap(), 0);
}

/// What catches is not made by linking alone, and an embedder can have its own.
#[test]
fn functions_that_catch_belong_to_a_program() {
    let module = module(
        r#"(module (import "env" "invoke_ii" (func $invoke (param i32 i32) (result i32)))
            (memory (export "memory") 1)
            (table (export "__indirect_function_table") 1 funcref)
            (func (export "stackSave") (result i32) i32.const 0)
            (func (export "stackRestore") (param i32))
            (func (export "setThrew") (param i32 i32))
            (func (export "main") (result i32) (call $invoke (i32.const 20) (i32.const 1))))"#,
    );
    let mut linker: Linker<Emscripten> = Linker::new(engine());
    add_to_linker(&mut linker, &module, |guest| guest).unwrap();
    let context = || EmscriptenBuilder::new().build().unwrap();
    let mut store = Store::new(engine(), context());
    let alone = linker.instantiate(&mut store, &module).unwrap();
    let main = alone.get_typed_func::<(), i32>(&mut store, "main").unwrap();
    let error = main.call(&mut store, ()).unwrap_err();
    assert!(format!("{error:#}").contains("before the program is set up"), "{error:#}");

    let mut store = Store::new(engine(), context());
    let program = Program::instantiate(&mut store, &linker, &module, |guest| guest).unwrap();
    let error = program.run(&mut store).unwrap_err();
    assert_eq!(error.downcast_ref(), Some(&Trap::TableOutOfBounds));

    let mut linker = Linker::new(engine());
    let imports = Imports::of(&module).defined_elsewhere("env", "invoke_ii");
    imports.add_to_linker(&mut linker, |guest: &mut Emscripten| guest).unwrap();
    linker.func_wrap("env", "invoke_ii", |a: i32, b: i32| a + b).unwrap();
    let mut store = Store::new(engine(), context());
    let program = Program::instantiate(&mut store, &linker, &module, |guest| guest).unwrap();
    assert_eq!(program.run(&mut store).unwrap(), 21);
}

/// Also names that nobody has listed are told from the program's own.
#[test]
fn functions_of_emscriptens_javascript_are_called_that() {
    for (name, why) in [
        ("emscripten_get_device_pixel_ratio", "Emscripten's JavaScript"),
        ("_emscripten_fetch_free", "Emscripten's JavaScript"),
        ("emscripten_set_keydown_callback_on_thread", "HTML5"),
        ("glClear", "OpenGL"),
        ("glance", "EM_JS"),
    ] {
        let module = module(&format!(r#"(module (import "env" "{name}" (func)))"#));
        let mut linker: Linker<Emscripten> = Linker::new(engine());
        let error = add_to_linker(&mut linker, &module, |guest| guest).unwrap_err().to_string();
        assert!(error.contains(&format!("`env.{name}`")) && error.contains(why), "{error}");
    }
}

#[test]
fn types_that_no_version_has_are_refused() {
    for (name, ty) in [
        ("fd_seek", "(param i32 i32 i32) (result i32)"),
        ("fd_write", "(param i64 i32 i32 i32) (result i32)"),
        ("emscripten_resize_heap", "(param i32)"),
        ("__cxa_throw", "(param i32 i32) (result i32)"),
        ("_mmap_js", "(param i32)"),
        ("__cxa_find_matching_catch_3", "(param i64) (result i32)"),
    ] {
        let module = module(&format!("(module (import \"env\" \"{name}\" (func {ty})))"));
        let mut linker = Linker::<Emscripten>::new(engine());
        let error = add_to_linker(&mut linker, &module, |guest| guest).unwrap_err().to_string();
        assert!(error.contains(name) && error.contains("other types"), "{error}");
    }
}

#[test]
fn several_types_of_one_function_are_bound() {
    for ty in ["(param i32 i64 i32 i32) (result i32)", "(param i32 i32 i32 i32 i32) (result i32)"] {
        let module = module(&format!(
            "(module (import \"env\" \"fd_seek\" (func {ty})) (memory (export \"memory\") 1))"
        ));
        let mut linker = Linker::<Emscripten>::new(engine());
        add_to_linker(&mut linker, &module, |guest| guest).unwrap();
    }
}

#[test]
fn exports_with_wrong_types_are_refused() {
    for export in [
        "(func (export \"malloc\"))",
        "(func (export \"stackSave\") (param i32))",
        "(func (export \"__wasm_call_ctors\") (param i32))",
        "(func (export \"emscripten_stack_init\") (result i32) i32.const 0)",
        "(func (export \"__set_stack_limits\"))",
        "(func (export \"__cxa_can_catch\") (param f64))",
        "(func (export \"__stdio_exit\") (param i64))",
    ] {
        let module = module(&format!("(module (memory (export \"memory\") 1) {export})"));
        let error = set_up(&module, &mut EmscriptenBuilder::new()).unwrap_err();
        assert!(format!("{error:#}").contains("is not Emscripten's"), "{export}: {error:#}");
    }
    let main =
        module(r#"(module (memory (export "memory") 1) (func (export "main") (param f64)))"#);
    let (mut store, program) = set_up(&main, &mut EmscriptenBuilder::new()).unwrap();
    assert!(program.run(&mut store).unwrap_err().to_string().contains("is not C's"));
    let none = module(r#"(module (memory (export "memory") 1))"#);
    let (mut store, program) = set_up(&none, &mut EmscriptenBuilder::new()).unwrap();
    assert!(program.run(&mut store).unwrap_err().to_string().contains("it is a library"));
}

#[test]
fn exports_behind_invokes_are_checked() {
    let invoke = r#"(import "env" "invoke_v" (func (param i32))) (memory (export "memory") 1)"#;
    let table = r#"(table (export "__indirect_function_table") 1 funcref)"#;
    for (rest, message) in [
        ("", "does not export `__indirect_function_table`"),
        (table, "does not export `stackSave`"),
    ] {
        let error =
            set_up(&module(&format!("(module {invoke} {rest})")), &mut EmscriptenBuilder::new());
        assert!(error.unwrap_err().to_string().contains(message));
    }
    let wrong = format!(
        r#"(module {invoke} {table}
            (func (export "stackSave") (result i32) i32.const 0)
            (func (export "stackRestore") (param i64))
            (func (export "setThrew") (param i32 i32)))"#
    );
    let error = set_up(&module(&wrong), &mut EmscriptenBuilder::new()).unwrap_err();
    assert!(format!("{error:#}").contains("`stackRestore` is not Emscripten's"), "{error:#}");
}

#[test]
fn dynamic_linking_is_refused() {
    let dynamic = module(
        r#"(module (import "env" "memory" (memory 1))
            (import "env" "__memory_base" (global i32)))"#,
    );
    let error = set_up(&dynamic, &mut EmscriptenBuilder::new()).unwrap_err();
    assert!(error.to_string().contains("dynamically"), "{error}");
    // What it takes from other modules is not called JavaScript.
    let dynamic = module(
        r#"(module (import "env" "side" (func)) (import "GOT.mem" "value" (global (mut i32))))"#,
    );
    let mut linker: Linker<Emscripten> = Linker::new(engine());
    let error = add_to_linker(&mut linker, &dynamic, |guest| guest).unwrap_err();
    assert!(error.to_string().contains("dynamically"), "{error}");
}

#[test]
fn a_context_has_one_program() {
    let module = guest("hello_printf");
    let (mut store, _program) = set_up(&module, &mut EmscriptenBuilder::new()).unwrap();
    let mut linker = Linker::new(engine());
    add_to_linker(&mut linker, &module, |guest| guest).unwrap();
    let error = Program::instantiate(&mut store, &linker, &module, |guest| guest).unwrap_err();
    assert!(error.to_string().contains("another program"), "{error}");
    let _: &Engine = engine();
}
