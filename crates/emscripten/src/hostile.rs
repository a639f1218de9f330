//! Calls of every function of the host with wild pointers, lengths, descriptors and numbers.
//!
//! What may come of it is an error number, a trap or another error, and nothing else: no panic, no
//! endless wait, nothing outside of the mounted folder. `PALISADE_HOSTILE_SECONDS` sets how long it
//! goes on, `PALISADE_HOSTILE_SEED` where it begins.

use std::fmt::Write;
use std::time::{Duration, Instant};

use palisade::{Engine, Func, Linker, Memory, Module, Store, Val, ValType};

use crate::{Emscripten, EmscriptenBuilder, Imports, Program, host, link};

/// A number generator that is the same everywhere (Marsaglia's xorshift).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }

    fn pick<T: Copy>(&mut self, list: &[T]) -> T {
        list[self.below(list.len() as u64) as usize]
    }
}

/// Where strings lie, each in a place of 64 bytes.
const STRINGS: u32 = 1024;
const TEXTS: &[&str] = &[
    "/tmp/a",
    "/tmp/b/c",
    "/tmp",
    "/",
    ".",
    "..",
    "a",
    "a/b",
    "/data/x",
    "/data",
    "/data/../..",
    "/data/in",
    "/dev/null",
    "/dev/stdin",
    "/dev/urandom",
    "/proc/self/fd/3",
    "/proc/self/fd",
    "",
    "/tmp/a/",
    "/data/up/etc/passwd",
    "//tmp//.//b",
    "%Y-%m-%d %H",
    "%c%c%c%c%Z%z%j%U%G",
    "2023-08-16 09",
];
const PAGES: u32 = 4;

/// All names with all their types: `i`, `l` for an i64, `d`, and the result.
fn functions() -> Vec<(String, String, char)> {
    let mut found = Vec::new();
    let finds = (0..5)
        .map(|n| (format!("__cxa_find_matching_catch_{}", n + 2), format!("{}:i", "i".repeat(n))));
    let rows = host::names().map(|(name, pattern)| (name.to_owned(), pattern.to_owned()));
    let typed = link::typed_names().map(|(name, pattern)| (name.to_owned(), pattern.to_owned()));
    // These make a program one with threads, which are attacked elsewhere
    // (`tests/emscripten/threads_newer.rs`).
    let threads =
        |name: &str| name == "__pthread_create_js" || name.ends_with("_init_main_thread_js");
    let all = rows.chain(typed).chain(finds).filter(|(name, _)| !threads(name));
    for (name, pattern) in all {
        for pattern in pattern.split('|') {
            let (params, result) = pattern.split_once(':').unwrap();
            for wide in ["l", "ii"] {
                let result = match result {
                    "?" => 'v',
                    "j" => {
                        if wide == "l" {
                            'l'
                        } else {
                            'i'
                        }
                    }
                    other => other.chars().next().unwrap(),
                };
                let row = (name.clone(), params.replace('j', wide), result);
                if !found.contains(&row) {
                    found.push(row);
                }
            }
        }
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

/// A module that imports one function of each type and passes calls on. Names with several types
/// need several modules: this has those whose place among the types of their name is `round`.
fn module_text(functions: &[(String, String, char)], round: usize) -> (String, Vec<usize>) {
    let mut imports = String::new();
    let mut calls = String::new();
    let mut numbers = Vec::new();
    for (number, (name, params, result)) in functions.iter().enumerate() {
        let place = functions[..number].iter().filter(|(other, ..)| other == name).count();
        if place != round {
            continue;
        }
        let types: String = params.chars().map(|letter| format!(" {}", wat_type(letter))).collect();
        let result = match result {
            'v' => String::new(),
            letter => format!("(result {})", wat_type(*letter)),
        };
        let gets: String = (0..params.len()).map(|i| format!("(local.get {i})")).collect();
        let _ = writeln!(
            imports,
            "(import \"env\" \"{name}\" (func $f{number} (param{types}) {result}))"
        );
        let _ = writeln!(
            calls,
            "(func (export \"f{number}\") (param{types}) {result} (call $f{number} {gets}))"
        );
        numbers.push(number);
    }
    let text = format!(
        "(module {imports}
           (import \"env\" \"invoke_vii\" (func $invoke (param i32 i32 i32)))
           (memory (export \"memory\") {PAGES} 16)
           (table (export \"__indirect_function_table\") 4 funcref)
           (elem (i32.const 1) $nothing $again $destroy)
           (global $sp (mut i32) (i32.const 65536))
           (global $heap (mut i32) (i32.const 100000))
           (func $nothing (param i32 i32))
           (func $destroy (param i32))
           (func $again (param i32 i32) (if (i32.lt_s (local.get 0) (i32.const 3)) (then
             (call $invoke (i32.const 2) (i32.add (local.get 0) (i32.const 1)) (local.get 1)))) )
           (func (export \"malloc\") (param i32) (result i32)
             (global.set $heap
               (i32.rem_u (i32.add (global.get $heap) (i32.const 4094)) (i32.const 270000)))
             (global.get $heap))
           (func (export \"emscripten_builtin_memalign\") (param i32 i32) (result i32)
             (i32.mul (local.get 1) (i32.const 3)))
           (func (export \"free\") (param i32))
           (func (export \"setThrew\") (param i32 i32))
           (func (export \"stackSave\") (result i32) (global.get $sp))
           (func (export \"stackRestore\") (param i32) (global.set $sp (local.get 0)))
           (func (export \"__cxa_can_catch\") (param i32 i32 i32) (result i32)
             (i32.and (local.get 0) (i32.const 1)))
           (func (export \"__cxa_is_pointer_type\") (param i32) (result i32)
             (i32.and (local.get 0) (i32.const 1)))
           (func (export \"invoke\") (param i32 i32 i32)
             (call $invoke (local.get 0) (local.get 1) (local.get 2)))
           {calls})"
    );
    (text, numbers)
}

struct Attack {
    store: Store<Emscripten>,
    memory: Memory,
    calls: Vec<(Func, String, String, char)>,
    random: Random,
}

impl Attack {
    fn new(engine: &Engine, folder: &std::path::Path, round: usize, seed: u64) -> Option<Attack> {
        let functions = functions();
        let (text, numbers) = module_text(&functions, round);
        if numbers.is_empty() {
            return None;
        }
        let module = Module::new(engine, &text).unwrap();
        let mut linker = Linker::new(engine);
        Imports::of(&module).add_to_linker(&mut linker, |guest: &mut Emscripten| guest).unwrap();
        let mut builder = EmscriptenBuilder::new();
        builder.args(&["hostile", "argument"]).memory_files(1 << 20, 200);
        let guest = builder.mount(folder, "/data", false).unwrap().build().unwrap();
        let mut store = Store::new(engine, guest);
        let program = Program::instantiate(&mut store, &linker, &module, |guest| guest).unwrap();
        let memory = program.instance().get_memory(&mut store, "memory").unwrap();
        let mut calls = Vec::new();
        for number in numbers {
            let (name, params, result) = functions[number].clone();
            let func = program.instance().get_func(&mut store, &format!("f{number}")).unwrap();
            calls.push((func, name, params, result));
        }
        let invoke = program.instance().get_func(&mut store, "invoke").unwrap();
        calls.push((invoke, "invoke_vii".into(), "iii".into(), 'v'));
        let mut attack = Attack { store, memory, calls, random: Random(seed | 1) };
        attack.scramble();
        Some(attack)
    }

    /// Fills the memory: strings, and words that look like pointers, lengths and descriptors.
    fn scramble(&mut self) {
        for at in (2048..70_000).step_by(4) {
            let word = self.word();
            self.memory.write(&mut self.store, at, &word.to_le_bytes()).unwrap();
        }
        for (i, text) in TEXTS.iter().enumerate() {
            let place = STRINGS as usize + 40 * i;
            let bytes = [text.as_bytes(), b"\0"].concat();
            self.memory.write(&mut self.store, place, &bytes).unwrap();
        }
        // A time of nothing to wait.
        self.memory.write(&mut self.store, 0, &[0; 64]).unwrap();
    }

    fn word(&mut self) -> u32 {
        let end = PAGES * 65536;
        match self.random.below(12) {
            0 => self.random.pick(&[0, 1, 2, u32::MAX, 0x8000_0000, 0x7fff_ffff, u32::MAX - 99]),
            1 => end - self.random.below(9) as u32,
            2 | 3 => self.random.below(12) as u32,
            4 => 1 << self.random.below(32),
            5..=7 => STRINGS + 40 * self.random.below(TEXTS.len() as u64) as u32,
            8 | 9 => 2048 + 4 * self.random.below(16_000) as u32,
            10 => self.random.below(end.into()) as u32,
            _ => self.random.next() as u32,
        }
    }

    fn call(&mut self) {
        let which = self.random.below(self.calls.len() as u64) as usize;
        let (func, name, params, result) = self.calls[which].clone();
        let mut arguments: Vec<Val> = params
            .chars()
            .map(|letter| {
                let word = self.word();
                match letter {
                    'l' if self.random.below(3) > 0 => Val::I64(word.into()),
                    'l' => Val::I64(self.random.next().cast_signed()),
                    'd' => Val::F64(self.random.next()),
                    _ => Val::I32(word.cast_signed()),
                }
            })
            .collect();
        // Who asks to wait for a month waits for a month.
        match name.as_str() {
            "emscripten_sleep" => arguments[0] = Val::I32(self.random.pick(&[0, 1])),
            "__syscall_poll" => arguments[2] = Val::I32(self.random.pick(&[0, 1, -1])),
            "__syscall__newselect" => arguments[4] = Val::I32(self.random.pick(&[0, 0, -4])),
            _ => {}
        }
        let zero = match result {
            'l' => vec![Val::default_for_ty(&ValType::I64).unwrap()],
            'f' => vec![Val::default_for_ty(&ValType::F32).unwrap()],
            'd' => vec![Val::default_for_ty(&ValType::F64).unwrap()],
            'v' => vec![],
            _ => vec![Val::I32(0)],
        };
        let mut results = zero;
        if func.call(&mut self.store, &arguments, &mut results).is_err() {
            self.store.take_pending_exception();
        }
    }
}

#[test]
fn every_function_survives_wild_arguments() {
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    let seconds = number("PALISADE_HOSTILE_SECONDS").unwrap_or(2);
    let seed = number("PALISADE_HOSTILE_SEED").unwrap_or(0x9e37_79b9_7f4a_7c15);
    let outside = tempfile::tempdir().unwrap();
    let folder = outside.path().join("folder");
    std::fs::create_dir(&folder).unwrap();
    std::fs::write(folder.join("in"), "of the host").unwrap();
    std::os::unix::fs::symlink("../../../../../../..", folder.join("up")).unwrap();
    std::fs::write(outside.path().join("x"), "untouched").unwrap();

    let engine = Engine::default();
    let mut attacks: Vec<Attack> = (0..)
        .map_while(|round| Attack::new(&engine, &folder, round, seed + round as u64))
        .collect();
    assert!(attacks[0].calls.len() > 120, "{}", attacks[0].calls.len());
    let end = Instant::now() + Duration::from_secs(seconds);
    let mut count = 0_u64;
    while Instant::now() < end {
        for attack in &mut attacks {
            for _ in 0..200 {
                attack.call();
            }
            attack.scramble();
            count += 200;
        }
    }
    assert!(count > 1000, "only {count} calls");
    assert_eq!(std::fs::read_to_string(outside.path().join("x")).unwrap(), "untouched");
    let names: Vec<_> = std::fs::read_dir(outside.path()).unwrap().collect();
    assert_eq!(names.len(), 2, "{names:?}");
}
