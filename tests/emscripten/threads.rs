//! Programs with threads.

use crate::{Outcome, engine, file, guest, run, set_up};
use palisade::{Linker, Store, Trap, Val};
use palisade_emscripten::{
    Aborted, Emscripten, EmscriptenBuilder, Imports, Program, Threads, UncaughtException,
};
use palisade_wasi::MemoryOutputPipe;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Defines tests of programs that must do what they do in Node.
macro_rules! as_in_node {
    ($($name:ident)*) => {$(
        #[test]
        fn $name() {
            let name = stringify!($name);
            assert_eq!(run(name, &[]).text(), file(&format!("expected/{name}.txt")));
        }
    )*};
}

as_in_node! {
    t_queue
    t_local
    t_kinds
    t_detach
    t_std
    t_throw
    t_grow
    t_proxy
    t_main
}

#[test]
fn four_threads_and_a_mutex() {
    let outcome = run("threads", &[]);
    assert_eq!(outcome.stdout, "total=4000 sum=100\n");
    assert_eq!(outcome.result.unwrap(), 0);
}

/// Detached threads cannot be freed while the main thread runs in Node, so it is not asked.
#[test]
fn a_thousand_threads_one_after_the_other() {
    let outcome = run("t_many", &[]);
    assert_eq!(outcome.text(), "count=1000 wrong=0 leaked=0\nexit code 0\n");
}

#[test]
fn lines_of_threads_come_whole() {
    let outcome = run("t_print", &[]);
    let mut next = [0; 4];
    let mut files = 0;
    for line in outcome.stdout.lines() {
        let words: Vec<&str> = line.split(' ').collect();
        let id = words[1].trim_end_matches(':').parse::<usize>().unwrap();
        match words[0] {
            "thread" => {
                let tail = "and some more text to make it longer";
                assert_eq!(line, format!("thread {id} line {} {tail}", next[id]));
                next[id] += 1;
            }
            _ => {
                assert_eq!(line, format!("file {id}: 250 lines, 0 wrong"));
                files += 1;
            }
        }
    }
    assert_eq!((next, files), ([250; 4], 4));
}

/// One thread ends the program while others wait, sleep and compute, and the first one joins.
fn end(how: &str) -> Outcome {
    let began = Instant::now();
    let outcome = run("t_end", &[how]);
    assert!(began.elapsed() < Duration::from_secs(30), "{how}: {:?}", began.elapsed());
    assert!(outcome.stdout.starts_with(&format!("ending by {how}\n")), "{outcome:?}");
    outcome
}

#[test]
fn exits_of_threads_end_the_program() {
    let outcome = end("exit");
    assert!(outcome.stdout.ends_with("\natexit ran\n"), "{outcome:?}");
    assert_eq!(outcome.result.unwrap(), 7);
    let outcome = end("_exit");
    assert!(!outcome.stdout.contains("atexit ran"), "{outcome:?}");
    assert_eq!(outcome.result.unwrap(), 8);
}

#[test]
fn the_return_of_main_ends_the_program() {
    let outcome = end("return");
    assert!(outcome.stdout.ends_with("\nmain returns\natexit ran\n"), "{outcome:?}");
    assert_eq!(outcome.result.unwrap(), 3);
    let outcome = end("main trap");
    let trap = outcome.result.unwrap_err();
    assert_eq!(trap.downcast_ref::<Trap>(), Some(&Trap::UnreachableCodeReached));
}

#[test]
fn failures_of_threads_end_the_program() {
    for (how, trap) in [
        ("trap", Trap::UnreachableCodeReached),
        ("recurse", Trap::StackOverflow),
        ("null", Trap::IndirectCallToNull),
    ] {
        let error = end(how).result.unwrap_err();
        assert_eq!(error.downcast_ref::<Trap>(), Some(&trap), "{how}: {error:#}");
    }
    let error = end("abort").result.unwrap_err();
    assert!(error.is::<Aborted>(), "{error:#}");
    let error = end("throw").result.unwrap_err();
    let uncaught = error.downcast_ref::<UncaughtException>().expect("an exception");
    assert_eq!(uncaught.what.as_deref(), Some("nobody catches this"));
}

/// A program in a store whose threads are limited.
fn limited(name: &str, threads: Threads<Emscripten>) -> (String, palisade::Result<i32>) {
    let module = guest(name);
    let mut linker = Linker::new(engine());
    Imports::of(&module).add_to_linker(&mut linker, |guest: &mut Emscripten| guest).unwrap();
    let stdout = MemoryOutputPipe::new(1 << 16);
    let context = EmscriptenBuilder::new().arg(name).stdout(stdout.clone()).build().unwrap();
    let mut store = Store::new(engine(), context);
    let program =
        Program::with_threads(&mut store, &linker, &module, |guest| guest, threads).unwrap();
    let result = program.run(&mut store);
    assert_eq!(program.running_threads(), 0);
    (String::from_utf8_lossy(&stdout.contents()).into_owned(), result)
}

#[test]
fn threads_are_limited() {
    let (stdout, result) = limited("t_many", Threads::new().max_threads(0));
    assert_eq!((&stdout[..], result.unwrap()), ("no thread 1\n", 1));
    let (stdout, result) = limited("t_many", Threads::new().max_threads(16));
    assert_eq!((&stdout[..], result.unwrap()), ("count=1000 wrong=0 leaked=0\n", 0));
}

#[test]
fn stores_of_threads_are_prepared() {
    use std::sync::atomic::{AtomicUsize, Ordering};
    static COUNT: AtomicUsize = AtomicUsize::new(0);
    let threads = Threads::new().prepare_store(|_| {
        COUNT.fetch_add(1, Ordering::Relaxed);
    });
    limited("threads", threads).1.unwrap();
    assert_eq!(COUNT.load(Ordering::Relaxed), 4);
}

#[test]
fn threads_need_a_program_for_them() {
    let module = guest("threads");
    let mut linker = Linker::new(engine());
    Imports::of(&module).add_to_linker(&mut linker, |guest: &mut Emscripten| guest).unwrap();
    let mut store = Store::new(engine(), EmscriptenBuilder::new().build().unwrap());
    let error = Program::instantiate(&mut store, &linker, &module, |guest| guest).unwrap_err();
    assert!(error.to_string().contains("Program::with_threads"), "{error}");
}

#[test]
fn clones_of_contexts_share_files() {
    let (stdout, context) = (MemoryOutputPipe::new(256), EmscriptenBuilder::new());
    let context = { context }.stdout(stdout.clone()).build().unwrap();
    let module = guest("hello_printf");
    for _ in 0..2 {
        let mut linker = Linker::new(engine());
        Imports::of(&module).add_to_linker(&mut linker, |guest: &mut Emscripten| guest).unwrap();
        let mut store = Store::new(engine(), context.clone());
        let program = Program::instantiate(&mut store, &linker, &module, |guest| guest).unwrap();
        program.run(&mut store).unwrap();
    }
    assert_eq!(stdout.contents().len(), 2 * "hello, world\n42  3.14 str c 0xff\n".len());
}

#[test]
fn threads_end_with_their_program() {
    struct Stream(#[expect(dead_code, reason = "it is counted")] Arc<()>);
    impl std::io::Write for Stream {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            Ok(bytes.len())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    let alive = Arc::new(());
    let mut builder = EmscriptenBuilder::new();
    builder.stdout(Stream(alive.clone()));
    let (mut store, program) = set_up(&guest("t_end"), &mut builder).unwrap();
    drop(builder);
    let main = program.instance().get_func(&mut store, "main").unwrap();
    // Nobody exits here: it is not `run` that calls.
    main.call(&mut store, &[Val::I32(0), Val::I32(0)], &mut [Val::I32(0)]).unwrap();
    // The one that was joined may not be gone yet.
    assert!(program.running_threads() >= 3, "they wait, sleep and compute");
    drop((program, store));
    // Whoever ran has dropped its store, and so its part of the stream.
    assert_eq!(Arc::strong_count(&alive), 1);
}
