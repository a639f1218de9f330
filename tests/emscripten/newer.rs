//! What programs of newer versions import, by modules written for that: Debian's emcc is an old
//! one.

use crate::{engine, set_up};
use palisade::{Module, Trap};
use palisade_emscripten::EmscriptenBuilder;
use palisade_wasi::MemoryOutputPipe;

/// Runs a module whose body follows a memory; gives stdout and the exit code.
#[track_caller]
fn run(imports: &str, body: &str) -> (String, i32) {
    let text = format!("(module {imports} (memory (export \"memory\") 1 4) {body})");
    let stdout = MemoryOutputPipe::new(4096);
    let mut builder = EmscriptenBuilder::new();
    builder.args(&["name", "arg"]).stdout(stdout.clone());
    let module = Module::new(engine(), text).unwrap();
    let (mut store, program) = set_up(&module, &mut builder).unwrap();
    let code = program.run(&mut store).unwrap();
    (String::from_utf8(stdout.contents().to_vec()).unwrap(), code)
}

#[test]
fn embedded_files_are_made() {
    let (stdout, code) = run(
        r#"(import "env" "_emscripten_fs_load_embedded_files" (func $load (param i32)))
           (import "env" "__syscall_openat" (func $open (param i32 i32 i32 i32) (result i32)))
           (import "env" "__syscall_newfstatat" (func $stat (param i32 i32 i32 i32) (result i32)))
           (import "env" "emscripten_outn" (func $out (param i32 i32)))"#,
        r#"(data (i32.const 64) "/data/deep/file.txt\00contents")
           (data (i32.const 128) "\40\00\00\00\08\00\00\00\54\00\00\00\00\00\00\00")
           (func (export "__wasm_call_ctors") (call $load (i32.const 128)))
           (func (export "main") (result i32)
             (if (i32.ne (i32.const 3)
                 (call $open (i32.const -100) (i32.const 64) (i32.const 0) (i32.const 0)))
               (then unreachable))
             (drop (call $stat (i32.const -100) (i32.const 64) (i32.const 256) (i32.const 0)))
             (call $out (i32.const 84) (i32.const 8))
             (i32.load (i32.const 280)))"#,
    );
    // The size is where newer versions have it.
    assert_eq!((&stdout[..], code), ("contents\n", 8));
}

#[test]
fn arguments_by_newer_names() {
    let (_, code) = run(
        "",
        r#"(global $sp (mut i32) (i32.const 60000))
           (func (export "_emscripten_stack_alloc") (param i32) (result i32)
             (global.set $sp (i32.and (i32.sub (global.get $sp) (local.get 0)) (i32.const -16)))
             (global.get $sp))
           (func (export "__wasm_call_ctors"))
           (func (export "__main_argc_argv") (param i32 i32) (result i32)
             (i32.add (i32.mul (local.get 0) (i32.const 100))
               (i32.load8_u (i32.load (i32.add (local.get 1) (i32.const 4))))))"#,
    );
    assert_eq!(code, 200 + i32::from(b'a'));
}

#[test]
fn stack_limits_are_set_before_constructors() {
    let (_, code) = run(
        "",
        r#"(global $state (mut i32) (i32.const 0))
           (func (export "emscripten_stack_init") (global.set $state (i32.const 1)))
           (func (export "emscripten_stack_get_base") (result i32) i32.const 1000)
           (func (export "emscripten_stack_get_end") (result i32) i32.const 100)
           (func (export "__set_stack_limits") (param i32 i32)
             (global.set $state (i32.add (i32.mul (global.get $state) (i32.const 2))
               (i32.eq (i32.sub (local.get 0) (local.get 1)) (i32.const 900)))))
           (func (export "__wasm_call_ctors")
             (global.set $state (i32.mul (global.get $state) (i32.const 5))))
           (func (export "__main_argc_argv") (result i32) (global.get $state))"#,
    );
    assert_eq!(code, 15);
}

#[test]
fn a_stack_pointer_out_of_the_stack_is_told() {
    let module = Module::new(
        engine(),
        r#"(module (memory (export "memory") 1)
            (func (export "emscripten_stack_get_current") (result i32) i32.const 90)
            (func (export "emscripten_stack_get_end") (result i32) i32.const 100)
            (func (export "main") (result i32) unreachable))"#,
    );
    let (mut store, program) = set_up(&module.unwrap(), &mut EmscriptenBuilder::new()).unwrap();
    let error = program.run(&mut store).unwrap_err();
    assert!(format!("{error:#}").contains("the guest's stack overflowed"), "{error:#}");
}

/// The guest allocates exceptions, and the reference count is its own.
#[test]
fn exceptions_that_the_guest_allocates() {
    let (_, code) = run(
        r#"(import "env" "__cxa_throw" (func $throw (param i32 i32 i32)))
           (import "env" "__cxa_begin_catch" (func $begin (param i32) (result i32)))
           (import "env" "__cxa_end_catch" (func $end))
           (import "env" "__cxa_find_matching_catch_3" (func $find (param i32) (result i32)))
           (import "env" "__resumeException" (func $resume (param i32)))
           (import "env" "invoke_v" (func $invoke_v (param i32)))
           (import "env" "getTempRet0" (func $type (result i32)))
           (import "env" "__cxa_uncaught_exceptions" (func $uncaught (result i32)))"#,
        r#"(table (export "__indirect_function_table") 3 funcref)
           (elem (i32.const 1) $throws $resumes)
           (global $sp (mut i32) (i32.const 60000))
           (global $threw (mut i32) (i32.const 0))
           (global $count (mut i32) (i32.const 0))
           (func (export "__wasm_call_ctors"))
           (func (export "stackSave") (result i32) (global.get $sp))
           (func (export "_emscripten_stack_restore") (param i32) (global.set $sp (local.get 0)))
           (func (export "setThrew") (param i32 i32) (global.set $threw (local.get 0)))
           (func (export "__cxa_can_catch") (param i32 i32 i32) (result i32)
             (i32.store (local.get 2) (i32.add (i32.load (local.get 2)) (i32.const 4)))
             (i32.eq (local.get 0) (i32.const 500)))
           (func (export "__cxa_is_pointer_type") (param i32) (result i32) i32.const 0)
           (func (export "__cxa_increment_exception_refcount") (param i32)
             (global.set $count (i32.add (global.get $count) (i32.const 1))))
           (func (export "__cxa_decrement_exception_refcount") (param i32)
             (global.set $count (i32.sub (global.get $count) (i32.const 1))))
           (func $throws
             (global.set $sp (i32.const 1))
             (call $throw (i32.const 1024) (i32.const 700) (i32.const 0)))
           (func $resumes (call $invoke_v (i32.const 1)) (call $resume (call $find (i32.const 9))))
           (func (export "main") (result i32) (local $e i32)
             (call $invoke_v (i32.const 2))
             (if (i32.eqz (global.get $threw)) (then unreachable))
             (if (i32.ne (global.get $sp) (i32.const 60000)) (then unreachable))
             (if (i32.ne (call $uncaught) (i32.const 1)) (then unreachable))
             (local.set $e (call $find (i32.const 500)))
             (if (i32.ne (local.get $e) (i32.const 1024)) (then unreachable))
             (if (i32.ne (call $type) (i32.const 500)) (then unreachable))
             ;; The pointer was adjusted for each type that was tried since.
             (if (i32.ne (call $begin (local.get $e)) (i32.const 1028)) (then unreachable))
             (if (i32.ne (global.get $count) (i32.const 1)) (then unreachable))
             (if (call $uncaught) (then unreachable))
             (call $end)
             (if (global.get $threw) (then unreachable))
             (i32.add (global.get $count) (i32.const 7)))"#,
    );
    assert_eq!(code, 7);
}

/// What a module needs for calls that catch, with a table of one function.
const CATCHES: &str = r#"
    (table (export "__indirect_function_table") 3 funcref)
    (elem (i32.const 1) $called)
    (func (export "stackSave") (result i32) i32.const 0)
    (func (export "stackRestore") (param i32))
    (func (export "setThrew") (param i32 i32))
    (func (export "main") (result i32) (call $invoke (i32.const 1)) i32.const 1)"#;

#[test]
fn traps_and_exits_pass_through_calls_that_catch() {
    let invoke = r#"(import "env" "invoke_v" (func $invoke (param i32)))
        (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))"#;
    let memory = r#"(memory (export "memory") 1)"#;
    for (body, trap) in [
        ("unreachable", Trap::UnreachableCodeReached),
        ("(drop (i32.load (i32.const -1)))", Trap::MemoryOutOfBounds),
        ("(call $invoke (i32.const 2))", Trap::IndirectCallToNull),
        ("(call $invoke (i32.const 3))", Trap::TableOutOfBounds),
        ("(call $called)", Trap::StackOverflow),
    ] {
        let text = format!("(module {invoke} {memory} {CATCHES} (func $called {body}))");
        let module = Module::new(engine(), text).unwrap();
        let (mut store, program) = set_up(&module, &mut EmscriptenBuilder::new()).unwrap();
        let error = program.run(&mut store).unwrap_err();
        assert_eq!(error.downcast_ref(), Some(&trap), "{error:?}");
    }
    let exits = format!("{CATCHES} (func $called (call $exit (i32.const 42)))");
    assert_eq!(run(invoke, &exits).1, 42);
    // Another's exception is not the guest's throw.
    let tag =
        format!("{CATCHES} (tag $other (param i32)) (func $called (throw $other (i32.const 1)))");
    let module = Module::new(engine(), format!("(module {invoke} {memory} {tag})")).unwrap();
    let (mut store, program) = set_up(&module, &mut EmscriptenBuilder::new()).unwrap();
    assert!(program.run(&mut store).is_err());
}

#[test]
fn throws_are_caught_where_integers_are_halves() {
    // The callee takes and gives whole ones.
    let (_, code) = run(
        r#"(import "env" "invoke_jji" (func $invoke (param i32 i32 i32 i32) (result i32)))
           (import "env" "getTempRet0" (func $high (result i32)))
           (import "env" "_emscripten_throw_longjmp" (func $jump))"#,
        r#"(table (export "__indirect_function_table") 3 funcref)
           (elem (i32.const 1) $wide $throws)
           (global $threw (mut i32) (i32.const 0))
           (func (export "stackSave") (result i32) i32.const 0)
           (func (export "stackRestore") (param i32))
           (func (export "setThrew") (param i32 i32) (global.set $threw (local.get 0)))
           (func $wide (param i64 i32) (result i64)
             (i64.add (local.get 0) (i64.extend_i32_u (local.get 1))))
           (func $throws (param i64 i32) (result i64) (call $jump) i64.const 1)
           (func (export "main") (result i32)
             ;; 0x5_ffffffff + 2
             (if (i32.ne (i32.const 1)
                 (call $invoke (i32.const 1) (i32.const -1) (i32.const 5) (i32.const 2)))
               (then unreachable))
             (if (i32.ne (i32.const 6) (call $high)) (then unreachable))
             (if (call $invoke (i32.const 2) (i32.const 0) (i32.const 0) (i32.const 0))
               (then unreachable))
             (global.get $threw))"#,
    );
    assert_eq!(code, 1);
}

/// The temporary result is a global of the guest, and so is the pointer that a handler gets.
#[test]
fn the_guest_keeps_what_belongs_to_an_exception() {
    let (_, code) = run(
        r#"(import "env" "__cxa_throw" (func $throw (param i32 i32 i32)))
           (import "env" "__cxa_begin_catch" (func $begin (param i32) (result i32)))
           (import "env" "__cxa_find_matching_catch_3" (func $find (param i32) (result i32)))
           (import "env" "invoke_v" (func $invoke_v (param i32)))"#,
        r#"(table (export "__indirect_function_table") 2 funcref)
           (elem (i32.const 1) $throws)
           (global $temp (mut i32) (i32.const -1))
           (func (export "__wasm_call_ctors"))
           (func (export "_emscripten_stack_restore") (param i32))
           (func (export "emscripten_stack_get_current") (result i32) i32.const 0)
           (func (export "_emscripten_tempret_set") (param i32)
             (global.set $temp (local.get 0)))
           (func (export "setThrew") (param i32 i32))
           (func (export "__cxa_can_catch") (param i32 i32 i32) (result i32)
             (i32.eq (local.get 0) (i32.const 500)))
           (func (export "__cxa_increment_exception_refcount") (param i32))
           (func (export "__cxa_get_exception_ptr") (param i32) (result i32)
             (i32.add (local.get 0) (i32.const 8)))
           (func $throws (call $throw (i32.const 1024) (i32.const 700) (i32.const 0)))
           (func (export "main") (result i32) (local $e i32)
             ;; Nothing is in flight yet.
             (if (call $find (i32.const 500)) (then unreachable))
             (if (global.get $temp) (then unreachable))
             (call $invoke_v (i32.const 1))
             (local.set $e (call $find (i32.const 500)))
             (if (i32.ne (global.get $temp) (i32.const 500)) (then unreachable))
             (i32.sub (call $begin (local.get $e)) (i32.const 1024)))"#,
    );
    assert_eq!(code, 8);
}

/// All functions of the table have one type (`EMULATE_FUNCTION_POINTER_CASTS`), and the guest has
/// a function for each type that knows how to call them.
#[test]
fn calls_that_catch_go_through_the_guests_own() {
    let (_, code) = run(
        r#"(import "env" "invoke_iid" (func $invoke (param i32 i32 f64) (result i32)))
           (import "env" "_emscripten_throw_longjmp" (func $jump))"#,
        r#"(type $any (func (param i64 i64) (result i64)))
           (table $table (export "__indirect_function_table") 3 funcref)
           (elem (i32.const 1) $adds $throws)
           (global $threw (mut i32) (i32.const 0))
           (func (export "stackSave") (result i32) i32.const 0)
           (func (export "stackRestore") (param i32))
           (func (export "setThrew") (param i32 i32) (global.set $threw (local.get 0)))
           (func $adds (type $any) (i64.add (local.get 0) (local.get 1)))
           (func $throws (type $any) (call $jump) i64.const 1)
           ;; Of another type than the import: not for it.
           (func (export "dynCall_ii") (param i32) (result i32) unreachable)
           (func (export "dynCall_iid") (param i32 i32 f64) (result i32)
             (i32.wrap_i64 (call_indirect (type $any)
               (i64.extend_i32_u (local.get 1)) (i64.trunc_f64_s (local.get 2)) (local.get 0))))
           (func (export "main") (result i32)
             (if (i32.ne (i32.const 42)
                 (call $invoke (i32.const 1) (i32.const 40) (f64.const 2)))
               (then unreachable))
             (if (call $invoke (i32.const 2) (i32.const 1) (f64.const 1)) (then unreachable))
             (global.get $threw))"#,
    );
    assert_eq!(code, 1);
}

#[test]
fn dlopen_is_an_abort_where_there_is_none() {
    let open = r#"(import "env" "_dlopen_js" (func $open (param i32) (result i32)))
        (import "env" "_dlinit" (func $init (param i32)))"#;
    let text = |body: &str| {
        format!(
            r#"(module {open} (memory (export "memory") 1)
                 (func (export "main") (result i32) (call $init (i32.const 0)) {body}))"#
        )
    };
    let run = |body: &str| {
        let module = Module::new(engine(), text(body)).unwrap();
        let (mut store, program) = set_up(&module, &mut EmscriptenBuilder::new()).unwrap();
        program.run(&mut store)
    };
    assert_eq!(run("i32.const 3").unwrap(), 3);
    let error = run("(call $open (i32.const 0))").unwrap_err();
    assert!(error.to_string().contains("dlopen"), "{error}");
}
