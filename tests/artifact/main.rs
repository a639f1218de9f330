//! Compiled modules outside of the process: serialized ones, and the cache.

#![forbid(unsafe_op_in_unsafe_fn)]

use palisade::{
    Cache, CacheConfig, Compilation, Config, Engine, Instance, Linker, Module, OptLevel,
    Precompiled, Store, Trap, WasmBacktrace,
};
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::time::Duration;
use tempfile::TempDir;

const MODES: [Compilation; 3] =
    [Compilation::Eager, Compilation::Lazy, Compilation::LazyWithBackground];

/// Uses most of what an artifact has to have: traps, exceptions, runtime functions, tables, data, names.
const TEXT: &str = r#"(module $everything
    (import "host" "add" (func $host (param i32 i32) (result i32)))
    (tag $e (param i32))
    (memory (export "memory") 1 3)
    (data (i32.const 8) "\2a\00\00\00")
    (table 2 funcref) (elem (i32.const 0) $double $triple)
    (type $unary (func (param i32) (result i32)))
    (func $double (type $unary) (i32.mul (local.get 0) (i32.const 2)))
    (func $triple (type $unary) (i32.mul (local.get 0) (i32.const 3)))
    (func $throws (type $unary) (throw $e (local.get 0)))
    (func $catches (export "catches") (type $unary)
        (block $caught (result i32)
            (drop (try_table (result i32) (catch $e $caught) (call $throws (local.get 0))))
            (i32.const -1)))
    (func $divides (export "divides") (type $unary) (i32.div_s (i32.const 100) (local.get 0)))
    (func (export "indirect") (type $unary)
        (call_indirect (type $unary) (i32.const 14) (local.get 0)))
    (func (export "loads") (type $unary) (i32.load (local.get 0)))
    (func (export "grows") (type $unary) (memory.grow (local.get 0)))
    (func (export "host") (type $unary) (call $host (local.get 0) (i32.const 1))))"#;

fn engine(mode: Compilation, cache: Option<&Cache>) -> Engine {
    let mut config = Config::new();
    config.compilation(mode).cache(cache.cloned());
    Engine::new(&config).expect("a configuration that works")
}

/// Loads what was serialized.
fn deserialize(engine: &Engine, bytes: &[u8]) -> palisade::Result<Module> {
    // SAFETY: the tests give bytes that were serialized, or that the checksum refuses.
    unsafe { Module::deserialize(engine, bytes) }
}

fn deserialize_file(engine: &Engine, file: &Path) -> palisade::Result<Module> {
    // SAFETY: as above; no test changes a file that is in use.
    unsafe { Module::deserialize_file(engine, file) }
}

fn cache(directory: &TempDir) -> Cache {
    let mut config = CacheConfig::new();
    config.with_directory(directory.path());
    Cache::new(config).expect("a directory that can be written")
}

fn files(directory: &TempDir) -> Vec<PathBuf> {
    let files = fs::read_dir(directory.path()).expect("a directory");
    files.map(|file| file.expect("readable").path()).collect()
}

fn files_called(directory: &TempDir, ending: &str) -> Vec<PathBuf> {
    let called = |file: &PathBuf| file.extension().is_some_and(|extension| extension == ending);
    files(directory).into_iter().filter(called).collect()
}

fn entries(directory: &TempDir) -> Vec<PathBuf> {
    files_called(directory, "pal")
}

/// Long enough for the cache to tell a change from what was there before.
fn settle() {
    std::thread::sleep(Duration::from_millis(2100));
}

/// Calls every function of an instance of [`TEXT`].
#[track_caller]
fn check(module: &Module) {
    let mut store = Store::new(module.engine(), ());
    let mut linker = Linker::new(module.engine());
    linker.func_wrap("host", "add", |a: i32, b: i32| a + b).expect("no duplicates");
    let instance = linker.instantiate(&mut store, module).expect("it links");
    let mut call = |name: &str, param: i32| {
        let func = instance.get_typed_func::<i32, i32>(&mut store, name).expect("exported");
        func.call(&mut store, param)
    };
    for _ in 0..2 {
        assert_eq!(call("catches", 5).expect("caught"), 5);
        assert_eq!(call("divides", 7).expect("no trap"), 14);
        assert_eq!(call("indirect", 0).expect("no trap"), 28);
        assert_eq!(call("indirect", 1).expect("no trap"), 42);
        assert_eq!(call("loads", 8).expect("no trap"), 42);
        assert_eq!(call("grows", 0).expect("no trap"), 1);
        assert_eq!(call("host", 41).expect("no trap"), 42);
        let error = call("divides", 0).expect_err("a trap");
        assert_eq!(error.downcast_ref::<Trap>(), Some(&Trap::IntegerDivisionByZero));
        let backtrace = error.downcast_ref::<WasmBacktrace>().expect("a backtrace");
        assert_eq!(backtrace.frames()[0].func_name(), Some("divides"));
        assert!(backtrace.frames()[0].module_offset().is_some());
        let error = call("loads", -1).expect_err("a trap");
        assert_eq!(error.downcast_ref::<Trap>(), Some(&Trap::MemoryOutOfBounds));
    }
    assert_eq!(module.name(), Some("everything"));
}

#[test]
fn serialized_modules_do_the_same() {
    let directory = TempDir::new().expect("a directory");
    let file = directory.path().join("module.pal");
    for mode in MODES {
        let engine = engine(mode, None);
        let module = Module::new(&engine, TEXT).expect("valid");
        let before = module.serialize().expect("it can be serialized");
        check(&module);
        let after = module.serialize().expect("it can be serialized");
        for bytes in [before, after] {
            assert_eq!(Engine::detect_precompiled(&bytes), Some(Precompiled::Module));
            fs::write(&file, &bytes).expect("written");
            for other in MODES {
                let engine = self::engine(other, None);
                check(&deserialize(&engine, &bytes).expect("sound"));
                let module = deserialize_file(&engine, &file).expect("sound");
                check(&module);
                // What was loaded can be saved again.
                check(&deserialize(&engine, &module.serialize().expect("again")).expect("sound"));
            }
            fs::remove_file(&file).expect("removed");
        }
    }
    assert_eq!(Engine::detect_precompiled(b"\0asm\x01\0\0\0"), None);
    let bytes = Engine::default().precompile_module(TEXT.as_bytes()).expect("valid");
    check(&deserialize(&Engine::default(), &bytes).expect("sound"));
}

/// Large initial contents of a memory are mapped from the file, and each instance has its own.
#[test]
fn initial_contents_of_memories() {
    let directory = TempDir::new().expect("a directory");
    let cache = cache(&directory);
    let byte = |place: usize| (place * 7 % 251) as u8;
    let data: String = (0..150_000).map(|place| format!("\\{:02x}", byte(place))).collect();
    let text = format!(
        r#"(module (memory (export "memory") 3 4)
            (data (i32.const 100) "{data}") (data (i32.const 196600) "\01\02\03"))"#
    );
    let file = directory.path().join("module");
    fs::write(&file, Engine::default().precompile_module(text.as_bytes()).expect("valid"))
        .expect("written");
    for round in 0..6 {
        let mode = MODES[round % MODES.len()];
        let engine = engine(mode, Some(&cache));
        let module = match round {
            0..3 => Module::new(&engine, &text).expect("valid"),
            _ => deserialize_file(&engine, &file).expect("sound"),
        };
        for _ in 0..3 {
            let mut store = Store::new(&engine, ());
            let instance = Instance::new(&mut store, &module, &[]).expect("no imports");
            let memory = instance.get_memory(&mut store, "memory").expect("exported");
            let bytes = memory.data_mut(&mut store);
            assert!((0..150_000).all(|place| bytes[100 + place] == byte(place)));
            assert_eq!(bytes[196_598..196_605], [0, 0, 1, 2, 3, 0, 0]);
            assert!(bytes[150_100..196_600].iter().all(|byte| *byte == 0));
            bytes.fill(0xff);
            assert_eq!(memory.grow(&mut store, 1).expect("below the maximum"), 3);
            assert!(memory.data(&store)[3 << 16..].iter().all(|byte| *byte == 0));
        }
    }
    assert!(cache.cache_hits() >= 1);
}

/// Data segments of every kind are the same in a compiled module, those of which it can tell and the others.
#[test]
fn data_segments() {
    let common = r#"(data $passive "pass") (data (memory 1) (i32.const 65532) "last")
        (func (export "init") (param i32) (memory.init $passive
            (local.get 0) (i32.const 1) (i32.const 3)) (data.drop $passive))"#;
    let memories = r#"(memory (export "a") 1) (memory (export "b") 1)"#;
    let more = r#"(global $g i32 (i32.const 7)) (memory $c (export "c") i64 1)
        (data (global.get $g) "seven") (data (memory $c) (i64.const 9) "nine")
        (data (i32.add (i32.const 1) (i32.const 20)) "sum")"#;
    for text in
        [format!("(module {memories} {common})"), format!("(module {memories} {common} {more})")]
    {
        let engine = engine(Compilation::Eager, None);
        let fresh = Module::new(&engine, &text).expect("valid");
        let again = deserialize(&engine, &fresh.serialize().expect("it can be")).expect("sound");
        let contents = |module: &Module| {
            let mut store = Store::new(&engine, ());
            let instance = Instance::new(&mut store, module, &[]).expect("no imports");
            let init = instance.get_typed_func::<i32, ()>(&mut store, "init").expect("exported");
            init.call(&mut store, 100).expect("within both");
            let error = init.call(&mut store, 100).expect_err("it was dropped");
            assert_eq!(error.downcast_ref::<Trap>(), Some(&Trap::MemoryOutOfBounds));
            let memories: Vec<_> =
                module.exports().filter(|export| export.ty().memory().is_some()).collect();
            let bytes = memories.iter().map(|export| {
                let memory = instance.get_memory(&mut store, export.name()).expect("exported");
                memory.data(&store).to_vec()
            });
            bytes.collect::<Vec<_>>()
        };
        let expected = contents(&fresh);
        assert_eq!(&expected[0][99..104], b"\0ass\0");
        assert_eq!(&expected[1][65532..], b"last");
        assert!(expected == contents(&again), "{text}");
    }
}

#[test]
fn other_bytes_are_refused() {
    let engine = Engine::default();
    let bytes = engine.precompile_module(TEXT.as_bytes()).expect("valid");
    let refusal = |bytes: &[u8]| deserialize(&engine, bytes).expect_err("refused").to_string();
    for len in (0..bytes.len()).step_by(37) {
        let message = refusal(&bytes[..len]);
        assert!(message.contains("damaged") || len < 8 && message.contains("not a compiled"));
    }
    for place in (0..bytes.len()).step_by(211).chain(8..64) {
        let mut damaged = bytes.clone();
        damaged[place] ^= 0x40;
        let message = refusal(&damaged);
        assert!(message.contains("damaged") || place < 8, "{place}: {message}");
    }
    assert!(refusal(b"\0asm\x01\0\0\0").contains("not a compiled module"));
    assert!(refusal(b"").contains("not a compiled module"));
    let mut config = Config::new();
    let error = |config: &Config| {
        let other = Engine::new(config).expect("a configuration that works");
        deserialize(&other, &bytes).expect_err("refused").to_string()
    };
    assert!(error(config.cranelift_opt_level(OptLevel::None)).contains("other settings"));
    assert!(error(Config::new().wasm_threads(false)).contains("other settings"));
    assert!(error(Config::new().native_cpu(false)).contains("other settings"));
    let missing = deserialize_file(&engine, Path::new("/nowhere/module.pal"));
    assert!(missing.expect_err("missing").to_string().contains("/nowhere/module.pal"));
}

#[test]
fn modules_are_found_again() {
    for mode in MODES {
        let directory = TempDir::new().expect("a directory");
        let cache = cache(&directory);
        for round in 0..4 {
            let engine = engine(mode, Some(&cache));
            let module = Module::new(&engine, TEXT).expect("valid");
            assert_eq!((cache.cache_hits(), cache.cache_misses()), (round, 1), "{mode:?}");
            check(&module);
            drop(module);
        }
        let stats = cache.stats().expect("readable");
        assert_eq!((stats.entries, entries(&directory).len()), (1, 1));
        // Something else is not found.
        let engine = engine(mode, Some(&cache));
        drop(Module::new(&engine, "(module)").expect("valid"));
        let mut config = Config::new();
        config.compilation(mode).cache(Some(cache.clone())).cranelift_opt_level(OptLevel::None);
        check(&Module::new(&Engine::new(&config).expect("it works"), TEXT).expect("valid"));
        assert_eq!(cache.cache_misses(), 3);
        let removed = cache.clean().expect("writable");
        assert_eq!((removed.entries, files(&directory).len()), (3, 0));
    }
}

/// With functions compiled on demand an entry grows with what is called.
#[test]
fn entries_grow() {
    let directory = TempDir::new().expect("a directory");
    let cache = cache(&directory);
    let stores = |count: usize| -> String {
        (0..count)
            .map(|i| format!("(i32.store offset={} (local.get 0) (i32.const 1))", i * 8))
            .collect()
    };
    let text = format!(
        r#"(module (memory 1)
            (func (export "a") (param i32) {})
            (func (export "b") (param i32) {}))"#,
        stores(500),
        stores(1500),
    );
    let mut sizes = Vec::new();
    for name in ["a", "a", "b", "b", "a"] {
        let engine = engine(Compilation::Lazy, Some(&cache));
        let module = Module::new(&engine, &text).expect("valid");
        let mut store = Store::new(&engine, ());
        let instance = Instance::new(&mut store, &module, &[]).expect("no imports");
        let before = module.code_size();
        let func = instance.get_typed_func::<i32, ()>(&mut store, name).expect("exported");
        func.call(&mut store, 0).expect("no trap");
        sizes.push((before, module.code_size()));
    }
    assert!(sizes[0].0 < sizes[0].1, "nothing is known at first: {sizes:?}");
    assert_eq!(sizes[1].0, sizes[1].1, "`a` is known");
    assert!(sizes[2].0 < sizes[2].1, "`b` is not");
    assert_eq!((sizes[3].0, sizes[4].0), (sizes[3].1, sizes[4].1), "both are known: {sizes:?}");
}

#[test]
fn damaged_entries_are_replaced() {
    let directory = TempDir::new().expect("a directory");
    let cache = cache(&directory);
    let load =
        || check(&Module::new(&engine(Compilation::Eager, Some(&cache)), TEXT).expect("valid"));
    load();
    let entry = entries(&directory).pop().expect("an entry");
    let sound = fs::read(&entry).expect("readable");
    let mut damaged = sound.clone();
    damaged[sound.len() / 2] ^= 1;
    let contents: [&[u8]; 6] =
        [b"", b"\x7fpalisad", &sound[..sound.len() - 1], &damaged, b"something else", &[0; 5000]];
    for (round, wrong) in contents.into_iter().enumerate() {
        fs::remove_file(&entry).expect("removed");
        fs::write(&entry, wrong).expect("written");
        load();
        assert_eq!(cache.cache_misses(), round + 2);
        assert_eq!(fs::read(&entry).expect("readable"), sound);
        load();
        assert_eq!(cache.cache_misses(), round + 2);
    }
    // An entry that is no file, and a folder that has gone.
    fs::remove_file(&entry).expect("removed");
    fs::create_dir(&entry).expect("made");
    load();
    fs::remove_dir(&entry).expect("still there");
    fs::remove_dir_all(directory.path()).expect("ours");
    load();
}

/// An entry that was found sound is not checked again before it changes.
#[test]
fn changed_entries_are_checked_again() {
    let directory = TempDir::new().expect("a directory");
    let cache = cache(&directory);
    let load =
        || check(&Module::new(&engine(Compilation::Eager, Some(&cache)), TEXT).expect("valid"));
    load();
    let entry = entries(&directory).pop().expect("an entry");
    let sound = fs::read(&entry).expect("readable");
    settle();
    load();
    let note = files_called(&directory, "sound").pop().expect("a note");
    assert!(fs::read(&note).expect("readable").len() > 56);
    load();
    assert_eq!((cache.cache_hits(), cache.cache_misses()), (2, 1));
    // Damage that keeps length and time of modification.
    let modified = fs::metadata(&entry).and_then(|metadata| metadata.modified()).expect("known");
    let mut damaged = sound.clone();
    damaged[sound.len() / 2] ^= 1;
    fs::write(&entry, &damaged).expect("written");
    File::options().write(true).open(&entry).and_then(|f| f.set_modified(modified)).expect("set");
    load();
    assert_eq!((cache.cache_hits(), cache.cache_misses()), (2, 2));
    assert_eq!(fs::read(&entry).expect("readable"), sound);
}

/// A file that has not changed is not read again; one that has, is.
#[test]
fn files_are_known() {
    let directory = TempDir::new().expect("a directory");
    let modules = TempDir::new().expect("a directory");
    let cache = cache(&directory);
    let file = |name: &str, value: i32| {
        let path = modules.path().join(name);
        let text = format!("(module (func (export \"f\") (result i32) i32.const {value}))");
        fs::write(&path, text).expect("written");
        path
    };
    let value = |path: &Path| {
        let engine = engine(Compilation::Eager, Some(&cache));
        let module = Module::from_file(&engine, path).expect("valid");
        let mut store = Store::new(&engine, ());
        let instance = Instance::new(&mut store, &module, &[]).expect("no imports");
        let func = instance.get_typed_func::<(), i32>(&mut store, "f").expect("exported");
        func.call(&mut store, ()).expect("no trap")
    };
    let (one, two) = (file("one.wat", 1), file("two.wat", 2));
    // What was written just now might be written again without a trace.
    assert_eq!((value(&one), value(&two)), (1, 2));
    assert_eq!(files_called(&directory, "source").len(), 0);
    settle();
    assert_eq!((value(&one), value(&two)), (1, 2));
    let notes = files_called(&directory, "source");
    let [first, second] = &notes[..] else { panic!("two notes: {notes:?}") };
    // With the notes exchanged, so are the modules: the files are not looked into.
    let (a, b) = (fs::read(first).expect("readable"), fs::read(second).expect("readable"));
    fs::write(first, &b).expect("written");
    fs::write(second, &a).expect("written");
    assert_eq!((value(&one), value(&two)), (2, 1));
    assert_eq!(cache.cache_misses(), 2);
    // Another content of the same length and time is another file.
    let modified = fs::metadata(&one).and_then(|metadata| metadata.modified()).expect("known");
    file("one.wat", 3);
    File::options().write(true).open(&one).and_then(|f| f.set_modified(modified)).expect("set");
    assert_eq!(value(&one), 3);
    // A note without its entry is of no use, and goes with the next cleaning.
    entries(&directory).into_iter().for_each(|entry| fs::remove_file(entry).expect("removed"));
    assert_eq!((value(&one), value(&two)), (3, 2));
    cache.clean().expect("writable");
    assert_eq!(files(&directory).len(), 0);
}

#[test]
fn the_least_recently_used_goes() {
    let directory = TempDir::new().expect("a directory");
    let text =
        |number: usize| format!("(module (func (export \"f\") (result i32) i32.const {number}))");
    let unlimited = cache(&directory);
    let load = |cache: &Cache, number: usize| {
        drop(Module::new(&engine(Compilation::Eager, Some(cache)), text(number)).expect("valid"));
    };
    load(&unlimited, 0);
    let one = unlimited.stats().expect("readable").bytes;
    let foreign = directory.path().join("notes.txt");
    fs::write(&foreign, "not ours").expect("written");
    let mut config = CacheConfig::new();
    config.with_directory(directory.path()).with_files_total_size_soft_limit(8 * one);
    let limited = Cache::new(config).expect("a directory");
    for number in 1..40 {
        load(&limited, number);
        // Stays, since it is used.
        load(&limited, 0);
        assert!(limited.stats().expect("readable").bytes <= 8 * one);
    }
    let misses = limited.cache_misses();
    load(&limited, 0);
    assert_eq!(limited.cache_misses(), misses);
    load(&limited, 1);
    assert_eq!(limited.cache_misses(), misses + 1);
    assert!(foreign.exists());
}

#[test]
fn many_at_once() {
    let directory = TempDir::new().expect("a directory");
    std::thread::scope(|scope| {
        for thread in 0..8 {
            let directory = &directory;
            scope.spawn(move || {
                for round in 0..10 {
                    let cache = cache(directory);
                    let mode = MODES[(thread + round) % MODES.len()];
                    check(&Module::new(&engine(mode, Some(&cache)), TEXT).expect("valid"));
                    if (thread + round) % 7 == 0 {
                        let _ = cache.clean();
                    }
                }
            });
        }
    });
    let unfinished = |file: &PathBuf| file.to_string_lossy().contains("unfinished");
    assert_eq!(files(&directory).iter().filter(|file| unfinished(file)).count(), 0);
}

#[test]
fn folders_that_cannot_be_made() {
    let directory = TempDir::new().expect("a directory");
    let file = directory.path().join("file");
    fs::write(&file, "").expect("written");
    let mut config = CacheConfig::new();
    config.with_directory(file.join("below"));
    let error = Cache::new(config).expect_err("not below a file").to_string();
    assert!(error.contains("file/below"), "{error}");
}

/// The background leaves a module alone of which all that is called was compiled before.
#[test]
fn the_background_waits_for_a_miss() {
    let directory = TempDir::new().expect("a directory");
    let cache = cache(&directory);
    let stores: String =
        (0..300).map(|i| format!("(i32.store offset={i} (local.get 0) (i32.const 1))")).collect();
    let text = format!(
        r#"(module (memory 1)
            (func (export "a") (param i32)) (func (export "b") (param i32)) (func (param i32) {stores}))"#
    );
    let load = |mode| {
        let engine = engine(mode, Some(&cache));
        let module = Module::new(&engine, &text).expect("valid");
        let mut store = Store::new(&engine, ());
        let instance = Instance::new(&mut store, &module, &[]).expect("no imports");
        (module, store, instance)
    };
    let call = |store: &mut Store<()>, instance: &Instance, name: &str| {
        let func = instance.get_typed_func::<i32, ()>(&mut *store, name).expect("exported");
        func.call(store, 0).expect("no trap");
    };
    let (module, mut store, instance) = load(Compilation::Lazy);
    call(&mut store, &instance, "a");
    drop((module, store));
    let (module, mut store, instance) = load(Compilation::LazyWithBackground);
    assert_eq!(cache.cache_hits(), 1);
    let before = module.code_size();
    for _ in 0..100 {
        call(&mut store, &instance, "a");
        std::thread::yield_now();
    }
    assert_eq!(module.code_size(), before);
    call(&mut store, &instance, "b");
    if std::thread::available_parallelism().is_ok_and(|threads| threads.get() > 1) {
        // The large function, which nobody calls.
        while module.code_size() < before + 1000 {
            std::thread::yield_now();
        }
    }
}
