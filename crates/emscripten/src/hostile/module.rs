//! The module of an attack: it imports the host's functions, passes calls on, and its exports are
//! hostile themselves, as what the host calls may call the host.

use std::fmt::Write;

use super::{PAGES, STRINGS, TEXTS};
use crate::{host, link};

/// A function of the host: its name, its parameters (`i`, `l` for an i64, `d`), and its result.
pub(super) type Function = (String, String, char);

/// Whether a program with threads, or one without, is attacked by it. Some functions make a program
/// one with threads, and one tells which of two generations of exceptions it has.
fn is_for(name: &str, threads: bool) -> bool {
    match name {
        "__pthread_create_js" => threads,
        "__cxa_allocate_exception" => !threads,
        _ => threads || !name.ends_with("_init_main_thread_js"),
    }
}

/// All names with all their types.
pub(super) fn functions(threads: bool) -> Vec<Function> {
    let mut found = Vec::new();
    let finds = (0..5)
        .map(|n| (format!("__cxa_find_matching_catch_{}", n + 2), format!("{}:i", "i".repeat(n))));
    let rows = host::names().chain(link::typed_names());
    let rows = rows.map(|(name, pattern)| (name.to_owned(), pattern.to_owned()));
    let all = rows.chain(finds).filter(|(name, _)| is_for(name, threads));
    for (name, pattern) in all {
        for pattern in pattern.split('|') {
            let (params, result) = pattern.split_once(':').unwrap();
            for wide in ["l", "ii"] {
                let result = match result {
                    "?" => 'v',
                    "j" if wide == "l" => 'l',
                    "j" => 'i',
                    other => other.chars().next().unwrap(),
                };
                let row = (name.clone(), params.replace('j', wide), result);
                if !found.contains(&row) {
                    found.push(row);
                }
            }
        }
    }
    for (name, params, result) in
        [("invoke_vii", "iii", 'v'), ("invoke_i", "i", 'i'), ("invoke_jid", "iid", 'l')]
    {
        found.push((name.into(), params.into(), result));
    }
    found
}

fn wat_type(letter: char) -> &'static str {
    match letter {
        'l' => "i64",
        'f' => "f32",
        'd' => "f64",
        _ => "i32",
    }
}

/// The module, and the numbers of the functions that it imports. Names with several types need
/// several modules: this has those whose place among the types of their name is `round`.
pub(super) fn text(functions: &[Function], round: usize, threads: bool) -> (String, Vec<usize>) {
    let place = |number: usize| {
        let name = &functions[number].0;
        functions[..number].iter().filter(|(other, ..)| other == name).count()
    };
    let numbers: Vec<usize> =
        (0..functions.len()).filter(|number| place(*number) == round).collect();
    let (mut imports, mut calls, mut cases) = (String::new(), String::new(), String::new());
    for number in &numbers {
        let (name, params, result) = &functions[*number];
        let types: String = params.chars().map(|letter| format!(" {}", wat_type(letter))).collect();
        let (result, unused) = match result {
            'v' => (String::new(), ""),
            letter => (format!("(result {})", wat_type(*letter)), "drop"),
        };
        let gets: String = (0..params.len()).map(|i| format!("(local.get {i})")).collect();
        let wild: String = params.chars().enumerate().map(|at| argument(name, at)).collect();
        let _ = writeln!(
            imports,
            "(import \"env\" \"{name}\" (func $f{number} (param{types}) {result}))"
        );
        let _ = writeln!(
            calls,
            "(func (export \"f{number}\") (param{types}) {result} (call $f{number} {gets}))"
        );
        let _ = writeln!(cases, ") (call $f{number} {wild}) {unused} return");
    }
    let blocks: String = numbers.iter().rev().map(|number| format!("(block $b{number} ")).collect();
    let labels: String = numbers.iter().map(|number| format!("$b{number} ")).collect();
    let count = numbers.len();
    let (memory, shared) = match threads {
        true => ("(import \"env\" \"memory\" (memory 4 16 shared))", THREADS),
        false => ("", "(memory (export \"memory\") 4 16)"),
    };
    let texts = TEXTS.len();
    let text = format!(
        "(module {imports} {memory} {shared}
           (table (export \"__indirect_function_table\") 8 funcref)
           (elem (i32.const 1) $routine $again $destroy $two $nothing $float)
           (global $sp (mut i32) (i32.const 65536))
           (global $heap (mut i32) (i32.const 100000))
           (global $seed (export \"seed\") (mut i32) (i32.const 1))
           (func $random (result i32)
             (global.set $seed (i32.xor (global.get $seed)
               (i32.shl (global.get $seed) (i32.const 13))))
             (global.set $seed (i32.xor (global.get $seed)
               (i32.shr_u (global.get $seed) (i32.const 17))))
             (global.set $seed (i32.xor (global.get $seed)
               (i32.shl (global.get $seed) (i32.const 5))))
             (global.get $seed))
           (func $word (result i32)
             (local $kind i32) (local $number i32)
             (local.set $kind (i32.rem_u (call $random) (i32.const 10)))
             (local.set $number (call $random))
             (if (i32.lt_u (local.get $kind) (i32.const 3)) (then
               (return (i32.add (i32.const {STRINGS})
                 (i32.mul (i32.const 40) (i32.rem_u (local.get $number) (i32.const {texts})))))))
             (if (i32.lt_u (local.get $kind) (i32.const 5)) (then
               (return (i32.and (local.get $number) (i32.const 0x1fffc)))))
             (if (i32.lt_u (local.get $kind) (i32.const 8)) (then
               (return (i32.and (local.get $number) (i32.const 15)))))
             (if (i32.eq (local.get $kind) (i32.const 8)) (then
               (return (i32.sub (i32.const 0) (i32.and (local.get $number) (i32.const 63))))))
             (local.get $number))
           (func $pick (param i32)
             {blocks} (br_table {labels} (local.get 0)) {cases})
           (func $wild (call $pick (i32.rem_u (call $random) (i32.const {count}))))
           ;; Calls a function of the host, or none, that far down the stack.
           (func $deep (export \"deep\") (param $depth i32) (param $which i32)
             (if (local.get $depth)
               (then (call $deep (i32.sub (local.get $depth) (i32.const 1)) (local.get $which)))
               (else (if (i32.ge_s (local.get $which) (i32.const 0))
                 (then (call $pick (local.get $which)))))))
           ;; What the host calls may call the host, but seldom, so that it comes to an end.
           (func $perhaps
             (if (i32.eqz (i32.rem_u (call $random) (i32.const 12))) (then (call $wild))))
           (func $routine (param i32) (result i32)
             (local $left i32)
             (global.set $seed (i32.or (local.get 0) (i32.const 1)))
             (local.set $left (i32.const 40))
             (loop $more
               (call $wild)
               (local.set $left (i32.sub (local.get $left) (i32.const 1)))
               (br_if $more (local.get $left)))
             (i32.const 0))
           (func $nothing)
           (func $float (param f64) (result f64) (local.get 0))
           (func $two (param i32 i32) (result i32) (call $perhaps) (local.get 1))
           (func $destroy (param i32) (call $perhaps))
           (func $again (param i32 i32) (call $wild) (call $perhaps))
           (func (export \"wild\") (call $wild))
           (func (export \"malloc\") (param i32) (result i32)
             (call $perhaps)
             (global.set $heap
               (i32.rem_u (i32.add (global.get $heap) (i32.const 4094)) (i32.const 270000)))
             (global.get $heap))
           (func (export \"emscripten_builtin_memalign\") (param i32 i32) (result i32)
             (call $perhaps)
             (i32.mul (local.get 1) (i32.const 3)))
           (func (export \"free\") (param i32) (call $perhaps))
           (func (export \"setThrew\") (param i32 i32) (call $perhaps))
           (func (export \"stackSave\") (result i32) (call $perhaps) (global.get $sp))
           (func (export \"stackRestore\") (param i32)
             (call $perhaps) (global.set $sp (local.get 0)))
           (func (export \"__cxa_can_catch\") (param i32 i32 i32) (result i32)
             (call $perhaps) (i32.and (local.get 0) (i32.const 1)))
           (func (export \"__cxa_is_pointer_type\") (param i32) (result i32)
             (call $perhaps) (i32.and (local.get 0) (i32.const 1)))
           (func (export \"raise\") (param i32) (result i32) (call $perhaps) (i32.const 0))
           (func (export \"_emscripten_timeout\") (param i32 f64) (call $perhaps))
           (func (export \"__funcs_on_exit\") (call $perhaps))
           (func (export \"fflush\") (param i32) (result i32) (call $perhaps) (i32.const 0))
           {calls})"
    );
    debug_assert_eq!(PAGES, 4, "as in the text");
    (text, numbers)
}

/// A wild argument. Who asks to wait for a month waits for a month, so nobody does.
fn argument(name: &str, at: (usize, char)) -> &'static str {
    match (name, at) {
        ("emscripten_sleep", _) | ("__syscall_poll", (2, _)) => {
            "(i32.and (call $word) (i32.const 1))"
        }
        ("__syscall__newselect", (4, _)) => "(i32.const -4)",
        (_, (_, 'l')) => "(i64.extend_i32_s (call $word))",
        (_, (_, 'd')) => "(f64.convert_i32_s (call $word))",
        _ => "(call $word)",
    }
}

/// What the host calls of a thread.
const THREADS: &str = "
    (func (export \"_emscripten_thread_init\") (param i32 i32 i32 i32 i32 i32) (call $perhaps))
    (func (export \"_emscripten_tls_init\") (result i32) (call $perhaps) (i32.const 0))
    (func (export \"_emscripten_stack_set_limits\") (param i32 i32))
    (func (export \"_emscripten_thread_exit\") (param i32) (call $perhaps))
    (func (export \"_emscripten_thread_free_data\") (param i32) (call $perhaps))
    (func (export \"_emscripten_check_mailbox\") (call $perhaps))
    (func (export \"emscripten_current_thread_process_queued_calls\") (call $perhaps))
    (func (export \"_emscripten_proxy_execute_queue\") (param i32) (call $perhaps))
    (func (export \"pthread_self\") (result i32)
      (i32.rem_u (call $random) (i32.const 3)))";
