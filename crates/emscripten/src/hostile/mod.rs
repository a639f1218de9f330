//! Calls of every function of the host with wild pointers, lengths, descriptors and numbers.
//!
//! What may come of it is an error number, a trap or another error, and nothing else: no panic, no
//! endless wait, nothing outside of the mounted folder. `PALISADE_HOSTILE_SECONDS` sets how long it
//! goes on, `PALISADE_HOSTILE_SEED` where it begins.

mod files;
mod module;

use std::collections::HashSet;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use palisade::{
    Config, Engine, Extern, Func, Global, GlobalType, Instance, Linker, Module, Mutability, Store,
    Val, ValType,
};

use crate::{Emscripten, EmscriptenBuilder, Imports, Program, Threads};
use module::{Function, functions};

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
    "/data/pipe",
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

/// The module of one round.
struct Target {
    module: Module,
    functions: Vec<(String, Function)>,
    threads: bool,
}

impl Target {
    /// All there are.
    fn all(engine: &Engine, threads: bool) -> Vec<Target> {
        let functions = functions(threads);
        let round = |round| {
            let (text, numbers) = module::text(&functions, round, threads);
            let named = |number: usize| (format!("f{number}"), functions[number].clone());
            let target = |numbers: Vec<usize>| Target {
                module: Module::new(engine, &text).unwrap(),
                functions: numbers.into_iter().map(named).collect(),
                threads,
            };
            (!numbers.is_empty()).then(|| target(numbers))
        };
        (0..).map_while(round).collect()
    }
}

/// Threads that have been started.
static STARTED: AtomicUsize = AtomicUsize::new(0);

struct Attack {
    store: Store<Emscripten>,
    memory: Extern,
    calls: Vec<(Func, Function)>,
    random: Random,
    threads: bool,
    /// Ends the threads when it is dropped.
    program: Program<Emscripten>,
}

impl Attack {
    fn new(target: &Target, folder: &Path, seed: u64) -> Attack {
        let module = &target.module;
        let mut linker = Linker::new(module.engine());
        Imports::of(module).add_to_linker(&mut linker, |guest: &mut Emscripten| guest).unwrap();
        let mut builder = EmscriptenBuilder::new();
        builder.args(&["hostile", "argument"]).memory_files(1 << 20, 200);
        let guest = builder.mount(folder, "/data", false).unwrap().build().unwrap();
        let mut store = Store::new(module.engine(), guest);
        let threads = Threads::new().max_threads(6).prepare_store(|_| {
            STARTED.fetch_add(1, Ordering::Relaxed);
        });
        let program = Program::with_threads(&mut store, &linker, module, |guest| guest, threads);
        let program = program.unwrap();
        let instance = program.instance();
        let of_export = |(export, function): &(String, Function)| {
            (instance.get_func(&mut store, export).unwrap(), function.clone())
        };
        let mut calls: Vec<_> = target.functions.iter().map(of_export).collect();
        let wild = instance.get_func(&mut store, "wild").unwrap();
        calls.push((wild, ("wild".into(), String::new(), 'v')));
        let global = instance.get_global(&mut store, "seed").unwrap();
        global.set(&mut store, Val::I32(seed as i32 | 1)).unwrap();
        let memory = program.memory(&mut store).unwrap();
        let (random, threads) = (Random(seed | 1), target.threads);
        let mut attack = Attack { store, memory, calls, random, threads, program };
        attack.scramble();
        attack
    }

    fn instance(&self) -> Instance {
        self.program.instance()
    }

    fn write(&mut self, at: u32, bytes: &[u8]) {
        match &self.memory {
            Extern::Memory(memory) => memory.write(&mut self.store, at as usize, bytes).unwrap(),
            Extern::SharedMemory(memory) => memory.write(at as usize, bytes).unwrap(),
            other => panic!("{other:?}"),
        }
    }

    /// Fills the memory: strings, and words that look like pointers, lengths and descriptors.
    fn scramble(&mut self) {
        for at in (2048..70_000).step_by(4) {
            let word = self.word();
            self.write(at, &word.to_le_bytes());
        }
        for (i, text) in (0..).zip(TEXTS) {
            let bytes = [text.as_bytes(), b"\0"].concat();
            self.write(STRINGS + 40 * i, &bytes);
        }
        // A time of nothing to wait.
        self.write(0, &[0; 64]);
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

    fn call_any(&mut self) {
        let which = self.random.below(self.calls.len() as u64) as usize;
        self.call(which);
    }

    fn call(&mut self, which: usize) {
        let (func, (name, params, result)) = self.calls[which].clone();
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
        // Who asks to wait for a month waits for a month. NULL is no limit, which is not waited for
        // where nothing can happen.
        match name.as_str() {
            "emscripten_sleep" => arguments[0] = Val::I32(self.random.pick(&[0, 1])),
            "__syscall_poll" if self.threads => {
                arguments[2] = Val::I32(self.random.pick(&[0, 1]));
            }
            "__syscall__newselect" if self.threads => arguments[4] = Val::I32(-4),
            "__syscall_poll" => arguments[2] = Val::I32(self.random.pick(&[0, 1, -1])),
            "__syscall__newselect" => arguments[4] = Val::I32(self.random.pick(&[0, 0, -4])),
            _ => {}
        }
        let mut results = match result {
            'v' => vec![],
            'l' => vec![Val::default_for_ty(&ValType::I64).unwrap()],
            'f' => vec![Val::default_for_ty(&ValType::F32).unwrap()],
            'd' => vec![Val::default_for_ty(&ValType::F64).unwrap()],
            _ => vec![Val::I32(0)],
        };
        if func.call(&mut self.store, &arguments, &mut results).is_err() {
            self.store.take_pending_exception();
        }
    }

    /// Starts two threads as programs do.
    fn start_threads(&mut self) {
        let create = self.calls.iter().find(|(_, (name, ..))| name == "__pthread_create_js");
        let Some((create, _)) = create.cloned() else { return };
        for address in [80_000_u32, 80_256] {
            let stack = [200_000_u32, 4096].map(u32::to_le_bytes).concat();
            self.write(address + 52, &stack);
            let routine = 1;
            let arg = self.word();
            let arguments = [address, 0, routine, arg].map(|word| Val::I32(word.cast_signed()));
            let mut result = [Val::I32(0)];
            // What it calls of the guest's may fail.
            let _ = create.call(&mut self.store, &arguments, &mut result);
        }
    }

    /// Every function once, so that none is left out.
    fn call_each(&mut self, called: &mut HashSet<String>) {
        for which in 0..self.calls.len() {
            self.call(which);
            called.insert(self.calls[which].1.0.clone());
        }
    }
}

/// Host functions have what a thread of a guest has of stack besides that of wasm, and no more.
#[test]
fn every_function_survives_at_the_end_of_the_stack() {
    fn attack() {
        let (_, seed) = settings();
        let ground = Ground::new();
        let engine = engine();
        for target in Target::all(&engine, false) {
            let mut attack = Attack::new(&target, &ground.folder(), seed);
            let deep =
                attack.instance().get_typed_func::<(u32, i32), ()>(&mut attack.store, "deep");
            let deep = deep.unwrap();
            let mut reach = |depth: u32, which: i32| {
                let result = deep.call(&mut attack.store, (depth, which));
                attack.store.take_pending_exception();
                result.is_ok()
            };
            let (mut least, mut most) = (0, 1 << 20);
            while most - least > 1 {
                let middle = (least + most) / 2;
                match reach(middle, -1) {
                    true => least = middle,
                    false => most = middle,
                }
            }
            assert!(least > 100 && most < 1 << 20, "{least}");
            // Its frame is larger than that of the functions in between.
            for which in 0..target.functions.len() as i32 {
                for above in 0..12 {
                    reach(least - above, which);
                }
            }
        }
        ground.check();
    }
    let stack = engine().max_wasm_stack() + crate::threads::HOST_STACK_BYTES;
    std::thread::Builder::new().stack_size(stack).spawn(attack).unwrap().join().unwrap();
}

/// A start function runs before the program is set up.
#[test]
fn every_function_survives_start_functions() {
    let (_, seed) = settings();
    let ground = Ground::new();
    let engine = engine();
    let (text, _) = module::text(&functions(false), 0, false);
    let text = text.strip_prefix("(module").and_then(|text| text.strip_suffix(')')).unwrap();
    let module = format!(
        "(module (import \"test\" \"first\" (global $first i32)) {text}
           (data (i32.const {STRINGS}) \"/tmp/file\")
           (func $begin (drop (call $routine (global.get $first))))
           (start $begin))"
    );
    let module = Module::new(&engine, &module).unwrap();
    let mut failures = HashSet::new();
    for round in 0..300 {
        let mut linker = Linker::new(&engine);
        Imports::of(&module).add_to_linker(&mut linker, |guest: &mut Emscripten| guest).unwrap();
        let mut builder = EmscriptenBuilder::new();
        let guest = builder.mount(ground.folder(), "/data", false).unwrap().build().unwrap();
        let mut store = Store::new(&engine, guest);
        let first = (seed as u32).wrapping_add(round).wrapping_mul(2_654_435_761);
        let ty = GlobalType::new(ValType::I32, Mutability::Const);
        let first = Global::new(&mut store, ty, Val::I32(first.cast_signed())).unwrap();
        linker.define(&store, "test", "first", first).unwrap();
        if let Err(error) = Program::instantiate(&mut store, &linker, &module, |guest| guest) {
            failures.insert(error.to_string());
        }
    }
    assert!(failures.len() > 5, "{failures:?}");
    ground.check();
}

/// Where attacks may write, and what they must not reach.
struct Ground(tempfile::TempDir);

impl Ground {
    fn new() -> Ground {
        let outside = tempfile::tempdir().unwrap();
        let folder = outside.path().join("folder");
        std::fs::create_dir(&folder).unwrap();
        std::fs::write(folder.join("in"), "of the host").unwrap();
        std::os::unix::fs::symlink("../../../../../../..", folder.join("up")).unwrap();
        let pipe = std::process::Command::new("mkfifo").arg(folder.join("pipe")).status();
        assert!(pipe.unwrap().success());
        std::fs::write(outside.path().join("x"), "untouched").unwrap();
        Ground(outside)
    }

    fn folder(&self) -> std::path::PathBuf {
        self.0.path().join("folder")
    }

    fn check(&self) {
        let untouched = std::fs::read_to_string(self.0.path().join("x")).unwrap();
        assert_eq!(untouched, "untouched");
        let names: Vec<_> = std::fs::read_dir(self.0.path()).unwrap().collect();
        assert_eq!(names.len(), 2, "{names:?}");
    }
}

fn settings() -> (Duration, u64) {
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    let seconds = number("PALISADE_HOSTILE_SECONDS").unwrap_or(2);
    let seed = number("PALISADE_HOSTILE_SEED").unwrap_or(0x9e37_79b9_7f4a_7c15);
    (Duration::from_secs(seconds), seed)
}

/// Frames of host functions are large without optimisation, and guests call each other through
/// these as long as there is stack.
fn engine() -> Engine {
    Engine::new(Config::new().max_wasm_stack(256 << 10)).unwrap()
}

#[test]
fn every_function_survives_wild_arguments() {
    let (time, seed) = settings();
    let ground = Ground::new();
    let engine = engine();
    let targets = Target::all(&engine, false);
    let mut attacks: Vec<Attack> = (0..)
        .zip(&targets)
        .map(|(round, target)| Attack::new(target, &ground.folder(), seed + round))
        .collect();
    let mut called = HashSet::new();
    attacks.iter_mut().for_each(|attack| attack.call_each(&mut called));
    assert!(functions(false).iter().all(|(name, ..)| called.contains(name)));
    assert!(called.len() > 150, "{}", called.len());
    let end = Instant::now() + time;
    let mut count = 0_u64;
    while Instant::now() < end {
        for attack in &mut attacks {
            for _ in 0..200 {
                attack.call_any();
            }
            attack.scramble();
            count += 200;
        }
    }
    assert!(count > 1000, "only {count} calls");
    ground.check();
}

/// As above, from several threads that start others, and end by themselves and by each other.
#[test]
fn every_function_survives_threads() {
    let (time, seed) = settings();
    let ground = Ground::new();
    let engine = engine();
    let targets = Target::all(&engine, true);
    let end = Instant::now() + time;
    let mut called = HashSet::new();
    for round in 0.. {
        let target = &targets[round % targets.len()];
        let mut attack = Attack::new(target, &ground.folder(), seed + round as u64);
        attack.start_threads();
        if round < targets.len() {
            attack.call_each(&mut called);
        }
        for _ in 0..60 {
            attack.call_any();
        }
        if round >= targets.len() && Instant::now() > end {
            break;
        }
    }
    assert!(STARTED.load(Ordering::Relaxed) > 0, "no threads were started");
    assert!(functions(true).iter().all(|(name, ..)| called.contains(name)));
    ground.check();
}
