//! Modules that export Emscripten's names with other types than Emscripten's, each in turn.

use crate::{engine, set_up};
use palisade::Module;
use palisade_emscripten::EmscriptenBuilder;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// What the host uses of a module, as it should be. The functions do nothing.
const EXPORTS: &[(&str, &str)] = &[
    ("memory", "memory"),
    ("__indirect_function_table", "table"),
    ("malloc", "(param i32) (result i32)"),
    ("free", "(param i32)"),
    ("emscripten_builtin_memalign", "(param i32 i32) (result i32)"),
    ("memalign", "(param i32 i32) (result i32)"),
    ("stackSave", "(result i32)"),
    ("stackRestore", "(param i32)"),
    ("stackAlloc", "(param i32) (result i32)"),
    ("emscripten_stack_get_current", "(result i32)"),
    ("_emscripten_stack_restore", "(param i32)"),
    ("_emscripten_stack_alloc", "(param i32) (result i32)"),
    ("emscripten_stack_init", ""),
    ("emscripten_stack_get_base", "(result i32)"),
    ("emscripten_stack_get_end", "(result i32)"),
    ("__set_stack_limits", "(param i32 i32)"),
    ("__cxa_can_catch", "(param i32 i32 i32) (result i32)"),
    ("__cxa_is_pointer_type", "(param i32) (result i32)"),
    ("__cxa_increment_exception_refcount", "(param i32)"),
    ("__cxa_decrement_exception_refcount", "(param i32)"),
    ("setThrew", "(param i32 i32)"),
    ("__funcs_on_exit", ""),
    ("__stdio_exit", ""),
    ("fflush", "(param i32) (result i32)"),
    ("__wasm_call_ctors", ""),
    ("_initialize", ""),
    ("main", "(param i32 i32) (result i32)"),
    ("__main_argc_argv", "(param i32 i32) (result i32)"),
    ("__main_void", "(result i32)"),
    ("__original_main", "(result i32)"),
    ("_start", ""),
    ("emscripten_proxy_main", "(param i32 i32) (result i32)"),
    ("_emscripten_proxy_main", "(param i32 i32) (result i32)"),
    ("_emscripten_thread_init", "(param i32 i32 i32 i32 i32)"),
    ("emscripten_tls_init", "(result i32)"),
    ("_emscripten_tls_init", "(result i32)"),
    ("emscripten_stack_set_limits", "(param i32 i32)"),
    ("_emscripten_stack_set_limits", "(param i32 i32)"),
    ("_emscripten_thread_exit", "(param i32)"),
    ("_emscripten_thread_free_data", "(param i32)"),
    ("_emscripten_check_mailbox", ""),
    ("_emscripten_proxy_execute_queue", "(param i32)"),
    ("emscripten_proxy_execute_queue", "(param i32)"),
    ("emscripten_current_thread_process_queued_calls", ""),
    ("pthread_self", "(result i32)"),
    ("_emscripten_timeout", "(param i32 f64)"),
];

/// What is exported instead.
const OTHERS: &[&str] = &[
    "",
    "(param i32)",
    "(param i32 i32) (result i32)",
    "(param i64) (result i64)",
    "(param f64)",
    "(param externref) (result externref)",
    "(param v128) (result v128)",
    "(param i32 i32 i32 i32 i32 i32 i32 i32 i32) (result i32 i32)",
    "memory",
    "table",
    "externs",
    "global",
    "tag",
];

/// The body of a function that gives a small address of each type.
fn export(name: &str, item: &str) -> String {
    let of_kind = match item {
        "memory" => "memory $memory",
        "table" => "table $table",
        "externs" => "table $externs",
        "global" => "global $global",
        "tag" => "tag $tag",
        _ => {
            let results = item.split("(result").nth(1).unwrap_or("").trim_end_matches(')');
            let body: String = results
                .split_whitespace()
                .map(|ty| match ty {
                    "externref" => "(ref.null extern)".into(),
                    "v128" => "(v128.const i64x2 0 0)".into(),
                    // What runs `main` gives its exit code.
                    ty if name.contains("main") => format!("({ty}.const 0)"),
                    ty => format!("({ty}.const 4096)"),
                })
                .collect();
            return format!("(func (export \"{name}\") {item} {body})\n");
        }
    };
    format!("(export \"{name}\" ({of_kind}))\n")
}

/// What the program of these exports does: prepares, runs `main`, a thread, and all that comes at
/// the end.
fn outcome(exports: &str, threads: bool) -> palisade::Result<i32> {
    let (of_threads, memory) = match threads {
        true => (
            r#"(import "env" "__pthread_create_js"
                 (func $create (param i32 i32 i32 i32) (result i32)))
               (import "env" "_emscripten_thread_cleanup" (func $clean_up (param i32)))
               (import "env" "_emscripten_init_main_thread_js" (func $init_main (param i32)))"#,
            r#"(import "env" "memory" (memory $memory 2 2 shared))"#,
        ),
        false => ("", ""),
    };
    let (own_memory, start) = match threads {
        true => (
            "",
            "(call $init_main (i32.const 512))
             (drop (call $create (i32.const 1024) (i32.const 0) (i32.const 1) (i32.const 0)))
             (drop (memory.atomic.wait32 (i32.const 256) (i32.const 0) (i64.const 2000000000)))
             (call $clean_up (i32.const 1024)) (call $clean_up (i32.const 1024))",
        ),
        false => ("(memory $memory 2)", ""),
    };
    let text = format!(
        r#"(module
            (import "env" "invoke_v" (func $invoke (param i32)))
            (import "env" "__cxa_allocate_exception" (func $allocate (param i32) (result i32)))
            (import "env" "_setitimer_js" (func $timer (param i32 f64) (result i32)))
            (import "env" "emscripten_sleep" (func $sleep (param i32)))
            (import "env" "__cxa_throw" (func $throw (param i32 i32 i32)))
            (import "env" "__cxa_begin_catch" (func $catch (param i32) (result i32)))
            (import "env" "__cxa_end_catch" (func $end))
            (import "env" "__cxa_find_matching_catch_3" (func $find (param i32) (result i32)))
            {of_threads} {memory} {own_memory}
            (table $table 4 funcref)
            (table $externs 4 externref)
            (global $global i32 (i32.const 1))
            (tag $tag)
            (elem (table $table) (i32.const 1) func $thread $throws)
            (func $thread (param i32) (result i32)
                (i32.atomic.store (i32.const 256) (i32.const 1))
                (drop (memory.atomic.notify (i32.const 256) (i32.const 1)))
                (i32.const 0))
            (func $throws
                (call $throw (call $allocate (i32.const 8)) (i32.const 2048) (i32.const 0)))
            (func $start (export "work")
                {start}
                (drop (call $timer (i32.const 0) (f64.const 0.1)))
                (call $sleep (i32.const 2))
                (call $invoke (i32.const 2))
                (drop (call $catch (call $find (i32.const 2052))))
                (call $end))
            {exports})"#
    );
    let module = Module::new(engine(), &text).unwrap_or_else(|error| panic!("{error:#}\n{text}"));
    let (mut store, program) = set_up(&module, EmscriptenBuilder::new().args(&["name", "more"]))?;
    let work = program.instance().get_typed_func::<(), ()>(&mut store, "work")?;
    work.call(&mut store, ()).map_err(|error| program.explain(&mut store, error))?;
    program.run(&mut store)
}

#[test]
fn exports_of_other_types_are_errors_that_name_them() {
    let mut wrong = Vec::new();
    for threads in [false, true] {
        // The names of different versions, so that each is used.
        for (name, item) in EXPORTS {
            // What is no function is as if it was not there, with threads too.
            let functions = |other: &str| other.is_empty() || other.starts_with('(');
            let others = OTHERS.iter().filter(|other| *other != item);
            for other in others.filter(|other| !threads || functions(other)) {
                let text: String = EXPORTS
                    .iter()
                    .map(|(known, item)| (*known, if known == name { *other } else { *item }))
                    .map(|(name, item)| export(name, item))
                    .collect();
                let what = format!("`{name}` as {other:?}, threads: {threads}");
                let result = catch_unwind(AssertUnwindSafe(|| outcome(&text, threads)));
                match result {
                    Err(_) => wrong.push(format!("{what}: panic")),
                    Ok(Ok(_)) => {}
                    Ok(Err(error)) => {
                        let text = format!("{error:#}");
                        if !text.contains(name) {
                            wrong.push(format!("{what}: {text}"));
                        }
                    }
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
