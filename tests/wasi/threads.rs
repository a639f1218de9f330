//! Threads of a guest: `wasi-threads`.
//!
//! Guests and hosts wait for each other for half a minute at most, and then trap or fail.

use crate::{BADF, FAULT};
use palisade::{
    Caller, Config, Engine, Linker, Module, SharedMemory, Store, StoreLimitsBuilder, Trap,
};
use palisade_wasi::{
    I32Exit, MemoryOutputPipe, WasiCtx, WasiCtxBuilder, WasiThreadsBuilder, WasiThreadsCtx,
};
use std::io::{self, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// More than anybody has to wait for another one.
const LONG: Duration = Duration::from_secs(30);

/// What guests import, and what they wait for each other by: counts in memory.
const PRELUDE: &str = r#"
    (import "env" "memory" (memory 1 16 shared))
    (import "wasi" "thread-spawn" (func $spawn (param i32) (result i32)))
    (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "fd_read" (func $read (param i32 i32 i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "fd_close" (func $close (param i32) (result i32)))
    (import "wasi_snapshot_preview1" "fd_renumber" (func $renumber (param i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "poll_oneoff" (func $poll (param i32 i32 i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
    (export "memory" (memory 0))

    ;; Adds one to the count at $at, which others may be waiting for.
    (func $done (param $at i32)
        (drop (i32.atomic.rmw.add (local.get $at) (i32.const 1)))
        (drop (memory.atomic.notify (local.get $at) (i32.const -1))))
    ;; Waits until the count at $at is $count or more.
    (func $until (param $at i32) (param $count i32) (local $seen i32)
        (loop $again
            (local.set $seen (i32.atomic.load (local.get $at)))
            (if (i32.ge_s (local.get $seen) (local.get $count)) (then (return)))
            (if (i32.eq
                    (memory.atomic.wait32
                        (local.get $at) (local.get $seen) (i64.const 30_000_000_000))
                    (i32.const 2))
                (then (unreachable)))
            (br $again)))
    ;; Reads or writes one buffer; gives the error, and leaves the number of bytes at $at + 8.
    (func $write_at (param $fd i32) (param $at i32) (param $bytes i32) (param $len i32) (result i32)
        (i32.store (local.get $at) (local.get $bytes))
        (i32.store offset=4 (local.get $at) (local.get $len))
        (call $write (local.get $fd) (local.get $at) (i32.const 1)
            (i32.add (local.get $at) (i32.const 8))))
    (func $read_at (param $fd i32) (param $at i32) (param $bytes i32) (param $len i32) (result i32)
        (i32.store (local.get $at) (local.get $bytes))
        (i32.store offset=4 (local.get $at) (local.get $len))
        (call $read (local.get $fd) (local.get $at) (i32.const 1)
            (i32.add (local.get $at) (i32.const 8))))
    ;; Asserts equality.
    (func $is (param i32 i32)
        (if (i32.ne (local.get 0) (local.get 1)) (then (unreachable))))
"#;

#[derive(Clone)]
struct Host {
    wasi: WasiCtx,
    /// Counts the clones of the host's data, but for the one that the test has.
    alive: Arc<()>,
}

impl Host {
    fn new(wasi: WasiCtx) -> Host {
        Host { wasi, alive: Arc::new(()) }
    }
}

/// A guest with the functions `run`, of no parameters and one result, and `wasi_thread_start`.
struct Program {
    store: Store<Host>,
    threads: WasiThreadsCtx<Host>,
    memory: SharedMemory,
    run: palisade::TypedFunc<(), i32>,
}

impl Program {
    fn new(wasi: WasiCtx, text: &str) -> Program {
        Program::with(wasi, &mut WasiThreadsBuilder::new(), text)
    }

    fn with(wasi: WasiCtx, builder: &mut WasiThreadsBuilder<Host>, text: &str) -> Program {
        let engine = Engine::default();
        let linker = linker(&engine);
        Program::linked(&linker, wasi, builder, text)
    }

    #[track_caller]
    fn linked(
        linker: &Linker<Host>,
        wasi: WasiCtx,
        builder: &mut WasiThreadsBuilder<Host>,
        text: &str,
    ) -> Program {
        let module = Module::new(linker.engine(), format!("(module {PRELUDE} {text})")).unwrap();
        let mut store = Store::new(linker.engine(), Host::new(wasi));
        let threads = builder.build(&mut store, linker, &module).unwrap();
        let instance = threads.instantiate(&mut store).unwrap();
        let memory = instance.get_shared_memory(&mut store, "memory").unwrap();
        let run = instance.get_typed_func(&mut store, "run").unwrap();
        Program { store, threads, memory, run }
    }

    #[track_caller]
    fn run(&mut self) -> i32 {
        self.run.call(&mut self.store, ()).unwrap()
    }

    /// Waits for all threads, which have to end without an error.
    #[track_caller]
    fn join(&self) {
        eventually(|| self.threads.running() == 0);
        self.threads.wait().unwrap();
    }

    fn u32_at(&self, at: usize) -> u32 {
        let mut bytes = [0; 4];
        self.memory.read(at, &mut bytes).unwrap();
        u32::from_le_bytes(bytes)
    }

    /// Sets the count at `at`, and wakes those that wait for it.
    fn set(&self, at: usize, count: u32) {
        self.memory.write(at, &count.to_le_bytes()).unwrap();
        self.memory.atomic_notify(at as u64, u32::MAX).unwrap();
    }
}

fn linker(engine: &Engine) -> Linker<Host> {
    let mut linker = Linker::new(engine);
    palisade_wasi::add_to_linker(&mut linker, |host: &mut Host| &mut host.wasi).unwrap();
    linker
}

fn no_wasi() -> WasiCtx {
    WasiCtxBuilder::new().build()
}

#[track_caller]
fn eventually(condition: impl Fn() -> bool) {
    let end = Instant::now() + LONG;
    while !condition() {
        assert!(Instant::now() < end, "waited for too long");
        std::thread::sleep(Duration::from_millis(1));
    }
}

#[test]
fn numbers_and_arguments() {
    // Thread k leaves its number at 64 + 4 * k; the sum of what `spawn` gave is at 0.
    let mut program = Program::new(
        no_wasi(),
        r#"(func (export "wasi_thread_start") (param $tid i32) (param $arg i32)
            (i32.atomic.store offset=64 (i32.shl (local.get $arg) (i32.const 2)) (local.get $tid))
            (call $done (i32.const 4)))
        (func (export "run") (result i32) (local $i i32) (local $tid i32)
            (loop $next
                (local.set $tid (call $spawn (local.get $i)))
                (if (i32.le_s (local.get $tid) (i32.const 0)) (then (unreachable)))
                (drop (i32.atomic.rmw.add (i32.const 0) (local.get $tid)))
                (br_if $next (i32.lt_u
                    (local.tee $i (i32.add (local.get $i) (i32.const 1)))
                    (i32.const 20))))
            (call $until (i32.const 4) (i32.const 20))
            (i32.load (i32.const 0)))"#,
    );
    let sum = program.run() as u32;
    program.join();
    let mut tids: Vec<u32> = (0..20).map(|k| program.u32_at(64 + 4 * k)).collect();
    assert_eq!(tids.iter().sum::<u32>(), sum);
    tids.sort_unstable();
    tids.dedup();
    assert_eq!(tids.len(), 20);
    assert!(tids.iter().all(|tid| (1..1 << 29).contains(tid)), "{tids:?}");
}

/// Each of 16 threads starts the next one, and writes 100 times the letter that it stands for.
#[test]
fn many_writers() {
    let stdout = MemoryOutputPipe::new(1 << 20);
    let mut program = Program::new(
        WasiCtxBuilder::new().stdout(stdout.clone()).build(),
        r#"(func (export "wasi_thread_start") (param $tid i32) (param $arg i32)
            (local $at i32) (local $i i32)
            (if (local.get $arg)
                (then (drop (call $spawn (i32.sub (local.get $arg) (i32.const 1))))))
            (local.set $at (i32.add (i32.const 64) (i32.shl (local.get $arg) (i32.const 5))))
            (i32.store8 offset=16 (local.get $at) (i32.add (i32.const 97) (local.get $arg)))
            (loop $next
                (call $is (i32.const 0)
                    (call $write_at (i32.const 1) (local.get $at)
                        (i32.add (local.get $at) (i32.const 16)) (i32.const 1)))
                (call $is (i32.const 1) (i32.load offset=8 (local.get $at)))
                (br_if $next (i32.lt_u
                    (local.tee $i (i32.add (local.get $i) (i32.const 1)))
                    (i32.const 100))))
            (call $done (i32.const 0)))
        (func (export "run") (result i32)
            (drop (call $spawn (i32.const 15)))
            (call $until (i32.const 0) (i32.const 16))
            (i32.const 0))"#,
    );
    program.run();
    program.join();
    let written = stdout.contents();
    assert_eq!(written.len(), 1600);
    for letter in b'a'..b'a' + 16 {
        assert_eq!(written.iter().filter(|&&byte| byte == letter).count(), 100);
    }
}

/// A stdin from which a read comes back when the guest has written "go" to [`Gate`]. That takes a "?" to mean: wait until
/// somebody reads.
struct Held {
    entered: Sender<()>,
    go: Receiver<()>,
    dropped: Arc<AtomicBool>,
}

impl Read for Held {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.entered.send(()).unwrap();
        self.go.recv_timeout(LONG).map_err(io::Error::other)?;
        buffer[..3].copy_from_slice(b"abc");
        Ok(3)
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.dropped.store(true, Ordering::Relaxed);
    }
}

struct Gate {
    entered: Receiver<()>,
    go: Sender<()>,
    /// Whether what is read was still there when it was told to go on.
    dropped: Arc<AtomicBool>,
}

impl Write for Gate {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match bytes {
            b"?" => self.entered.recv_timeout(LONG).map_err(io::Error::other)?,
            b"go" => {
                assert!(!self.dropped.load(Ordering::Relaxed));
                self.go.send(()).unwrap();
            }
            _ => {}
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Runs a guest of which one thread reads from stdin, and `meanwhile`, which others do while that goes on.
fn while_a_thread_reads(meanwhile: &str) -> Arc<AtomicBool> {
    let dropped = Arc::new(AtomicBool::new(false));
    let (enter, entered) = mpsc::channel();
    let (send, go) = mpsc::channel();
    let wasi = WasiCtxBuilder::new()
        .stdin(Held { entered: enter, go, dropped: dropped.clone() })
        .stdout(Gate { entered, go: send, dropped: dropped.clone() })
        .build();
    let mut program = Program::new(
        wasi,
        &format!(
            r#"(func (export "wasi_thread_start") (param i32 i32)
                (call $is (i32.const 0)
                    (call $read_at (i32.const 0) (i32.const 128) (i32.const 192) (i32.const 16)))
                (call $is (i32.const 3) (i32.load (i32.const 136)))
                (call $done (i32.const 0)))
            (func (export "run") (result i32) (local $i i32)
                (i32.store (i32.const 320) (i32.const 0x6f67_3f2e)) ;; ".?go"
                (drop (call $spawn (i32.const 0)))
                (call $is (i32.const 0)
                    (call $write_at (i32.const 1) (i32.const 256) (i32.const 321) (i32.const 1)))
                {meanwhile}
                (call $is (i32.const 0)
                    (call $write_at (i32.const 1) (i32.const 256) (i32.const 322) (i32.const 2)))
                (call $until (i32.const 0) (i32.const 1))
                (i32.load (i32.const 192)))"#
        ),
    );
    assert_eq!(program.run().to_le_bytes(), *b"abc\0");
    program.join();
    dropped
}

#[test]
fn a_thread_that_reads_keeps_nobody_waiting() {
    let dropped = while_a_thread_reads(
        "(loop $next
            (call $is (i32.const 0)
                (call $write_at (i32.const 1) (i32.const 256) (i32.const 320) (i32.const 1)))
            (br_if $next (i32.lt_u
                (local.tee $i (i32.add (local.get $i) (i32.const 1)))
                (i32.const 100))))",
    );
    assert!(dropped.load(Ordering::Relaxed), "the program is gone");
}

#[test]
fn closing_what_another_thread_reads() {
    let close = "(call $is (i32.const 0) (call $close (i32.const 0)))";
    let renumber = "(call $is (i32.const 0) (call $renumber (i32.const 2) (i32.const 0)))";
    for free in [close, renumber] {
        let meanwhile = format!(
            "{free}
            (call $is (i32.const {BADF})
                (call $read_at (i32.const 0) (i32.const 256) (i32.const 512) (i32.const 1)))"
        );
        while_a_thread_reads(&meanwhile);
    }
}

/// The host's descriptor is closed when nobody uses it any more.
#[test]
fn a_closed_descriptor_goes_with_its_last_call() {
    let dropped = Arc::new(AtomicBool::new(false));
    let (enter, entered) = mpsc::channel();
    let (go, held) = mpsc::channel();
    let stdin = Held { entered: enter, go: held, dropped: dropped.clone() };
    let mut program = Program::new(
        WasiCtxBuilder::new().stdin(stdin).build(),
        r#"(func (export "wasi_thread_start") (param i32 i32)
            (call $is (i32.const 0)
                (call $read_at (i32.const 0) (i32.const 128) (i32.const 192) (i32.const 16)))
            (call $done (i32.const 0))
            (call $until (i32.const 4) (i32.const 1)))
        (func (export "run") (result i32)
            (if (i32.eqz (i32.atomic.rmw.xchg (i32.const 8) (i32.const 1)))
                (then (return (call $spawn (i32.const 0)))))
            (call $close (i32.const 0)))"#,
    );
    assert!(program.run() > 0);
    entered.recv_timeout(LONG).unwrap();
    assert_eq!(program.run(), 0);
    assert!(!dropped.load(Ordering::Relaxed));
    go.send(()).unwrap();
    eventually(|| program.u32_at(0) == 1);
    assert!(dropped.load(Ordering::Relaxed), "though the thread still runs");
    program.set(4, 1);
    program.join();
}

/// Waits for a connection, with a timeout, while the other thread writes; only then comes the connection.
#[test]
fn a_thread_that_waits_keeps_nobody_waiting() {
    struct Connect(std::net::SocketAddr, Vec<TcpStream>);

    impl Write for Connect {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.1.push(TcpStream::connect(self.0)?);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let stdout = Connect(listener.local_addr().unwrap(), Vec::new());
    let stderr = MemoryOutputPipe::new(1000);
    let wasi = WasiCtxBuilder::new()
        .stdout(stdout)
        .stderr(stderr.clone())
        .preopened_socket(listener)
        .build();
    let mut program = Program::new(
        wasi,
        r#"(func (export "wasi_thread_start") (param i32 i32)
            ;; Of a clock: user data 1, the monotonic one, 30 s. Of a descriptor: user data 2, to read 3.
            (i64.store (i32.const 1024) (i64.const 1))
            (i32.store (i32.const 1040) (i32.const 1))
            (i64.store (i32.const 1048) (i64.const 30_000_000_000))
            (i64.store (i32.const 1072) (i64.const 2))
            (i32.store8 (i32.const 1080) (i32.const 1))
            (i32.store (i32.const 1088) (i32.const 3))
            (call $done (i32.const 4))
            (call $is (i32.const 0)
                (call $poll (i32.const 1024) (i32.const 2048) (i32.const 2) (i32.const 2000)))
            (call $is (i32.const 1) (i32.load (i32.const 2000)))
            (call $done (i32.const 0)))
        (func (export "run") (result i32) (local $i i32)
            (drop (call $spawn (i32.const 0)))
            (call $until (i32.const 4) (i32.const 1))
            (loop $next
                (call $is (i32.const 0)
                    (call $write_at (i32.const 2) (i32.const 256) (i32.const 320) (i32.const 1)))
                (br_if $next (i32.lt_u
                    (local.tee $i (i32.add (local.get $i) (i32.const 1)))
                    (i32.const 500))))
            (call $is (i32.const 0)
                (call $write_at (i32.const 1) (i32.const 256) (i32.const 320) (i32.const 1)))
            (call $until (i32.const 0) (i32.const 1))
            (i32.load (i32.const 2048)))"#,
    );
    assert_eq!(program.run(), 2);
    assert_eq!(stderr.contents().len(), 500);
    program.join();
}

/// What a thread does: exit, trap, or call the host; and then there are no more threads.
const ENDS: &str = r#"
    (func (export "wasi_thread_start") (param $tid i32) (param $arg i32)
        (if (i32.eq (local.get $arg) (i32.const 1)) (then (call $exit (i32.const 7))))
        (if (i32.eq (local.get $arg) (i32.const 2)) (then (unreachable))))
    (func (export "run") (result i32)
        (call $spawn (i32.load (i32.const 0))))"#;

#[test]
fn an_exit_in_a_thread() {
    let mut program = Program::new(no_wasi(), ENDS);
    program.set(0, 1);
    assert!(program.run() > 0);
    eventually(|| program.threads.running() == 0);
    // The program has ended, and starts no thread that would not have exited.
    program.set(0, 0);
    assert!(program.run() < 0);
    let error = program.threads.wait().unwrap_err();
    assert_eq!(error.downcast_ref(), Some(&I32Exit(7)));
    program.threads.wait().unwrap();
}

#[test]
fn a_trap_in_a_thread() {
    let mut program = Program::new(no_wasi(), ENDS);
    assert!(program.run() > 0);
    program.join();
    program.set(0, 2);
    assert!(program.run() > 0);
    let error = program.threads.wait().unwrap_err();
    assert_eq!(error.downcast_ref(), Some(&Trap::UnreachableCodeReached));
    assert!(error.backtrace().is_some());
}

#[test]
fn a_handler_of_the_end() {
    let (send, ended) = mpsc::channel();
    let mut builder = WasiThreadsBuilder::new();
    builder.on_end(move |error| send.send(error).unwrap());
    let mut program = Program::with(no_wasi(), &mut builder, ENDS);
    program.set(0, 1);
    assert!(program.run() > 0);
    let error = ended.recv_timeout(LONG).unwrap();
    assert_eq!(error.downcast_ref(), Some(&I32Exit(7)));
    program.join();
    assert!(program.run() < 0);
    assert!(ended.try_recv().is_err());
}

/// It fails as its error would; and the message of the panic is the host's business.
#[test]
fn a_panic_of_a_host_function_in_a_thread() {
    let engine = Engine::default();
    let mut linker = linker(&engine);
    linker.func_wrap("host", "panic", || -> () { panic!("on purpose") }).unwrap();
    let module = Module::new(
        &engine,
        r#"(module
            (import "env" "memory" (memory 1 1 shared))
            (import "wasi" "thread-spawn" (func $spawn (param i32) (result i32)))
            (import "host" "panic" (func $panic))
            (func (export "wasi_thread_start") (param i32 i32) (call $panic))
            (func (export "run") (result i32) (call $spawn (i32.const 0))))"#,
    )
    .unwrap();
    let mut store = Store::new(&engine, Host::new(no_wasi()));
    let alive = store.data().alive.clone();
    let threads = WasiThreadsBuilder::new().build(&mut store, &linker, &module).unwrap();
    let instance = threads.instantiate(&mut store).unwrap();
    let run = instance.get_typed_func::<(), i32>(&mut store, "run").unwrap();
    assert!(run.call(&mut store, ()).unwrap() > 0);
    let error = threads.wait().unwrap_err();
    assert!(error.to_string().contains("panicked"), "{error}");
    eventually(|| threads.running() == 0);
    assert_eq!(Arc::strong_count(&alive), 2);
}

/// The call of `run` comes back while a thread goes on. It can start others as long as the embedder keeps it possible.
#[test]
fn threads_that_outlive_the_first() {
    let mut program = Program::new(
        no_wasi(),
        r#"(func (export "wasi_thread_start") (param $tid i32) (param $arg i32)
            (if (local.get $arg) (then (return)))
            (loop $spin (br_if $spin (i32.eqz (i32.atomic.load (i32.const 0)))))
            (i32.atomic.store (i32.const 8) (call $spawn (i32.const 1)))
            (call $done (i32.const 4))
            (loop $spin (br_if $spin (i32.eq (i32.const 1) (i32.atomic.load (i32.const 0)))))
            (i32.atomic.store (i32.const 12) (call $spawn (i32.const 1)))
            (call $done (i32.const 4)))
        (func (export "run") (result i32) (call $spawn (i32.const 0)))"#,
    );
    let alive = program.store.data().alive.clone();
    assert!(program.run() > 0);
    assert_eq!(program.threads.running(), 1);
    program.set(0, 1);
    eventually(|| program.u32_at(4) == 1);
    assert!(program.u32_at(8).cast_signed() > 0);
    let Program { store, threads, memory, run: _ } = program;
    drop(store);
    drop(threads);
    memory.write(0, &2_u32.to_le_bytes()).unwrap();
    let number = |at| {
        let mut bytes = [0; 4];
        memory.read(at, &mut bytes).unwrap();
        i32::from_le_bytes(bytes)
    };
    eventually(|| number(4) == 2);
    assert!(number(12) < 0);
    // Its store goes with it.
    eventually(|| Arc::strong_count(&alive) == 1);
}

#[test]
fn nothing_remains_of_threads() {
    let owned = Arc::new(());
    let engine = Engine::default();
    let mut linker = linker(&engine);
    let kept = owned.clone();
    linker.func_wrap("host", "kept", move || Arc::strong_count(&kept) as u32).unwrap();
    let mut program = Program::linked(
        &linker,
        no_wasi(),
        &mut WasiThreadsBuilder::new(),
        r#"(func (export "wasi_thread_start") (param i32 i32) (call $done (i32.const 0)))
        (func (export "run") (result i32) (local $i i32)
            (loop $next
                (if (i32.le_s (call $spawn (i32.const 0)) (i32.const 0)) (then (unreachable)))
                (local.set $i (i32.add (local.get $i) (i32.const 1)))
                (call $until (i32.const 0) (local.get $i))
                (br_if $next (i32.lt_u (local.get $i) (i32.const 200))))
            (i32.const 0))"#,
    );
    let alive = program.store.data().alive.clone();
    program.run();
    program.join();
    assert_eq!(Arc::strong_count(&alive), 2);
    drop(program);
    assert_eq!(Arc::strong_count(&alive), 1);
    assert_eq!(Arc::strong_count(&owned), 2);
    drop(linker);
    assert_eq!(Arc::strong_count(&owned), 1);
}

#[test]
fn as_many_threads_as_are_allowed() {
    // Threads wait for the count at 0 to reach their argument.
    let mut program = Program::with(
        no_wasi(),
        WasiThreadsBuilder::new().max_threads(3),
        r#"(func (export "wasi_thread_start") (param $tid i32) (param $arg i32)
            (call $until (i32.const 0) (local.get $arg)))
        (func (export "run") (result i32)
            (call $spawn (i32.load (i32.const 4))))"#,
    );
    program.set(4, 1);
    let one = program.run();
    program.set(4, 2);
    let (two, three) = (program.run(), program.run());
    assert!(one > 0 && two > 0 && three > 0);
    assert!(one != two && two != three && one != three);
    assert_eq!((program.run(), program.threads.running()), (-1, 3));
    program.set(0, 1);
    eventually(|| program.threads.running() == 2);
    let four = program.run();
    assert!(four > 0 && four != two && four != three);
    assert_eq!(program.run(), -1);
    program.set(0, 2);
    program.join();

    let mut program = Program::with(no_wasi(), WasiThreadsBuilder::new().max_threads(0), ENDS);
    assert_eq!(program.run(), -1);
}

/// Threads whose instances start threads, and so on.
#[test]
fn start_functions_that_start_threads() {
    let mut program = Program::with(
        no_wasi(),
        WasiThreadsBuilder::new().max_threads(20),
        r#"(func $start
            (drop (i32.atomic.rmw.add (i32.const 0) (i32.const 1)))
            (drop (call $spawn (i32.const 0))))
        (start $start)
        (func (export "wasi_thread_start") (param i32 i32)
            (drop (i32.atomic.rmw.add (i32.const 4) (i32.const 1))))
        (func (export "run") (result i32) (i32.load (i32.const 4)))"#,
    );
    program.join();
    // Each waits for the next one to have an instance, so all are there until the last one cannot start another.
    assert_eq!((program.u32_at(0), program.run()), (21, 20));
}

#[test]
fn a_start_function_that_ends_the_program() {
    for (what, exit) in [("(call $exit (i32.const 5))", Some(I32Exit(5))), ("unreachable", None)] {
        let mut program = Program::new(
            no_wasi(),
            &format!(
                r#"(func $start (if (i32.load (i32.const 0)) (then {what})))
                (start $start)
                (func (export "wasi_thread_start") (param i32 i32))
                (func (export "run") (result i32) (call $spawn (i32.const 0)))"#
            ),
        );
        program.set(0, 1);
        assert_eq!(program.run(), -1);
        let error = program.threads.wait().unwrap_err();
        assert_eq!(error.downcast_ref::<I32Exit>(), exit.as_ref());
        assert_eq!(error.is::<Trap>(), exit.is_none());
    }
}

/// The stack of a thread fits what the engine allows, and what is beyond that is a trap.
#[test]
fn stacks() {
    const ALLOWED: usize = 16 << 20;
    let engine = Engine::new(Config::new().max_wasm_stack(ALLOWED)).unwrap();
    let linker = linker(&engine);
    let mut program = Program::linked(
        &linker,
        no_wasi(),
        &mut WasiThreadsBuilder::new(),
        r#"(func $deep (param i32) (result i32)
            (if (i32.eqz (local.get 0)) (then (return (i32.const 0))))
            (i32.add (i32.const 1) (call $deep (i32.sub (local.get 0) (i32.const 1)))))
        (func (export "wasi_thread_start") (param $tid i32) (param $arg i32)
            (i32.atomic.store (i32.const 4) (call $deep (local.get $arg)))
            (call $done (i32.const 0)))
        (func (export "run") (result i32) (call $spawn (i32.load (i32.const 8))))"#,
    );
    // A call takes 16 bytes at least.
    let depth = ALLOWED as u32 / 100;
    program.set(8, depth);
    assert!(program.run() > 0);
    program.join();
    assert_eq!(program.u32_at(4), depth);
    program.set(8, u32::MAX);
    assert!(program.run() > 0);
    let error = program.threads.wait().unwrap_err();
    assert_eq!(error.downcast_ref(), Some(&Trap::StackOverflow));
}

#[test]
fn a_memory_that_another_thread_has_grown() {
    let stdout = MemoryOutputPipe::new(100);
    let mut program = Program::new(
        WasiCtxBuilder::new().stdout(stdout.clone()).build(),
        r#"(func (export "wasi_thread_start") (param i32 i32)
            (drop (memory.grow (i32.const 1)))
            (i32.store (i32.const 65536) (i32.const 0x6e776f67)) ;; "gown"
            (call $done (i32.const 0)))
        (func (export "run") (result i32)
            (call $is (i32.const 21)
                (call $write_at (i32.const 1) (i32.const 256) (i32.const 65536) (i32.const 4)))
            (drop (call $spawn (i32.const 0)))
            (call $until (i32.const 0) (i32.const 1))
            (call $write_at (i32.const 1) (i32.const 256) (i32.const 65536) (i32.const 4)))"#,
    );
    assert_eq!(program.run(), 0);
    assert_eq!(stdout.contents(), b"gown");
    program.join();
}

/// A thread changes pointers and lengths, to good ones and bad ones, while others have them read.
#[test]
fn iovecs_that_change() {
    const CALLS: u32 = 20_000;
    struct Count(Arc<AtomicU32>);

    impl Write for Count {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            assert!(bytes.is_empty() || bytes.len() == 16);
            self.0.fetch_add(bytes.len() as u32, Ordering::Relaxed);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    struct Endless;

    impl Read for Endless {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            buffer.fill(1);
            Ok(buffer.len())
        }
    }

    // At 0 the threads that have ended, at 4 whether to stop. The iovec at 64 is (1024 or -1, 16 or 0 or -1).
    let written = Arc::new(AtomicU32::new(0));
    let wasi = WasiCtxBuilder::new().stdin(Endless).stdout(Count(written.clone())).build();
    let mut program = Program::new(
        wasi,
        &format!(
            r#"(func (export "wasi_thread_start") (param $tid i32) (param $arg i32)
                (loop $next
                    (i32.atomic.store (i32.const 64) (i32.const -1))
                    (i32.atomic.store (i32.const 68) (i32.const 16))
                    (i32.atomic.store (i32.const 64) (i32.const 1024))
                    (i32.atomic.store (i32.const 68) (i32.const -1))
                    (i32.atomic.store (i32.const 68) (i32.const 0))
                    (br_if $next (i32.eqz (i32.atomic.load (i32.const 4)))))
                (call $done (i32.const 0)))
            (func (export "run") (result i32) (local $i i32) (local $errno i32) (local $faults i32)
                (drop (call $spawn (i32.const 0)))
                (drop (call $spawn (i32.const 0)))
                (loop $next
                    (local.set $errno
                        (call $write (i32.const 1) (i32.const 64) (i32.const 1) (i32.const 128)))
                    (if (i32.eqz (local.get $errno))
                        (then (i32.store (i32.const 132)
                            (i32.add (i32.load (i32.const 132)) (i32.load (i32.const 128)))))
                        (else
                            (call $is (i32.const {FAULT}) (local.get $errno))
                            (local.set $faults (i32.add (local.get $faults) (i32.const 1)))))
                    (local.set $errno
                        (call $read (i32.const 0) (i32.const 64) (i32.const 1) (i32.const 128)))
                    (if (local.get $errno) (then (call $is (i32.const {FAULT}) (local.get $errno))))
                    (br_if $next (i32.lt_u
                        (local.tee $i (i32.add (local.get $i) (i32.const 1)))
                        (i32.const {CALLS}))))
                (call $done (i32.const 4))
                (call $until (i32.const 0) (i32.const 2))
                (local.get $faults))"#
        ),
    );
    let faults = program.run();
    assert!((0..=CALLS.cast_signed()).contains(&faults));
    assert_eq!(program.u32_at(132), written.load(Ordering::Relaxed));
    program.join();
}

/// What a module with these items instead of [`PRELUDE`] gives.
#[track_caller]
fn refused(items: &str) -> String {
    let engine = Engine::default();
    let module = Module::new(&engine, format!("(module {items})")).unwrap();
    let mut store = Store::new(&engine, Host::new(no_wasi()));
    let built = WasiThreadsBuilder::new().build(&mut store, &linker(&engine), &module);
    format!("{:#}", built.unwrap_err())
}

const SPAWN: &str = r#"(import "wasi" "thread-spawn" (func (param i32) (result i32)))"#;
const MEMORY: &str = r#"(import "env" "memory" (memory 1 1 shared))"#;
const ENTRY: &str = r#"(func (export "wasi_thread_start") (param i32 i32))"#;

#[test]
fn modules_that_lack_something() {
    for (items, expected) in [
        (format!("{MEMORY} {SPAWN}"), "no function `wasi_thread_start`"),
        (
            format!(r#"{MEMORY} {SPAWN} (func (export "wasi_thread_start") (param i32))"#),
            "`wasi_thread_start` is not a function with two parameters",
        ),
        (
            format!(r#"{MEMORY} {SPAWN} (global (export "wasi_thread_start") i32 (i32.const 0))"#),
            "`wasi_thread_start` is not a function with two parameters",
        ),
        (format!("{SPAWN} {ENTRY}"), "no shared memory"),
        (format!(r#"{SPAWN} {ENTRY} (memory (export "memory") 1 1 shared)"#), "no shared memory"),
        (format!(r#"{SPAWN} (import "env" "memory" (memory 1)) {ENTRY}"#), "no shared memory"),
        (format!(r#"{MEMORY} {SPAWN} (import "x" "y" (func)) {ENTRY}"#), "unknown import"),
    ] {
        let message = refused(&items);
        assert!(message.contains(expected), "{items}: {message}");
    }
    // What does not start threads need not be made for them.
    let engine = Engine::default();
    let mut store = Store::new(&engine, Host::new(no_wasi()));
    for items in ["", MEMORY, r#"(memory (export "memory") 1)"#] {
        let module = Module::new(&engine, format!("(module {items})")).unwrap();
        let mut builder = WasiThreadsBuilder::new();
        let threads = builder.build(&mut store, &linker(&engine), &module).unwrap();
        threads.instantiate(&mut store).unwrap();
        threads.wait().unwrap();
    }
    // Without a builder, the error says where threads come from.
    let module = Module::new(&engine, format!("(module {MEMORY} {SPAWN} {ENTRY})")).unwrap();
    let error = linker(&engine).instantiate(&mut store, &module).unwrap_err();
    assert!(format!("{error:#}").contains("WasiThreadsBuilder"), "{error:#}");
}

#[test]
fn imports_of_the_embedder() {
    let engine = Engine::default();
    let mut linker = linker(&engine);
    let mut store = Store::new(&engine, Host::new(no_wasi()));
    // Its own memory serves the guest.
    let memory = SharedMemory::new(&engine, palisade::MemoryType::shared(1, 1)).unwrap();
    linker.define(&store, "env", "memory", memory.clone()).unwrap();
    let text = format!(
        r#"(module {MEMORY} {SPAWN} (export "memory" (memory 0))
            (func (export "wasi_thread_start") (param i32 i32)))"#
    );
    let module = Module::new(&engine, text).unwrap();
    let threads = WasiThreadsBuilder::new().build(&mut store, &linker, &module).unwrap();
    let instance = threads.instantiate(&mut store).unwrap();
    let found = instance.get_shared_memory(&mut store, "memory").unwrap();
    assert_eq!(found.data().as_ptr(), memory.data().as_ptr());

    // What belongs to a store cannot.
    let text = format!(r#"(module {MEMORY} {SPAWN} (import "host" "f" (func)) {ENTRY})"#);
    let module = Module::new(&engine, text).unwrap();
    let func = palisade::Func::wrap(&mut store, || {});
    linker.define(&store, "host", "f", func).unwrap();
    let error = WasiThreadsBuilder::new().build(&mut store, &linker, &module).unwrap_err();
    assert!(error.to_string().contains("items of a store"), "{error}");
    let module = Module::new(&engine, r#"(module (import "host" "f" (func)))"#).unwrap();
    let threads = WasiThreadsBuilder::new().build(&mut store, &linker, &module).unwrap();
    threads.instantiate(&mut store).unwrap();
}

/// A thread whose instance cannot be made is not started, and the program goes on.
#[test]
fn stores_of_threads_are_prepared() {
    let prepared = Arc::new(AtomicU32::new(0));
    let count = prepared.clone();
    let mut builder = WasiThreadsBuilder::<Limited>::new();
    builder.prepare_store(move |store| {
        count.fetch_add(1, Ordering::Relaxed);
        store.limiter(|host| &mut host.limits);
    });
    #[derive(Clone)]
    struct Limited {
        limits: palisade::StoreLimits,
        calls: Arc<Mutex<Vec<u32>>>,
    }
    let engine = Engine::default();
    let mut linker = Linker::new(&engine);
    let call =
        |caller: Caller<'_, Limited>, arg: u32| caller.data().calls.lock().unwrap().push(arg);
    linker.func_wrap("host", "call", call).unwrap();
    let module = Module::new(
        &engine,
        format!(
            r#"(module {MEMORY}
                (import "wasi" "thread-spawn" (func $spawn (param i32) (result i32)))
                (import "host" "call" (func $call (param i32)))
                (table 100 funcref)
                (func (export "wasi_thread_start") (param i32 i32) (call $call (local.get 1)))
                (func (export "run") (param i32) (result i32) (call $spawn (local.get 0))))"#
        ),
    )
    .unwrap();
    let calls = Arc::new(Mutex::new(Vec::new()));
    let unlimited = StoreLimitsBuilder::new().build();
    let mut store = Store::new(&engine, Limited { limits: unlimited, calls: calls.clone() });
    let threads = builder.build(&mut store, &linker, &module).unwrap();
    let instance = threads.instantiate(&mut store).unwrap();
    let run = instance.get_typed_func::<u32, i32>(&mut store, "run").unwrap();
    assert!(run.call(&mut store, 1).unwrap() > 0);
    store.data_mut().limits = StoreLimitsBuilder::new().table_elements(99).build();
    assert_eq!(run.call(&mut store, 2).unwrap(), -1);
    store.data_mut().limits = StoreLimitsBuilder::new().table_elements(100).build();
    assert!(run.call(&mut store, 3).unwrap() > 0);
    threads.wait().unwrap();
    assert_eq!(prepared.load(Ordering::Relaxed), 3);
    calls.lock().unwrap().sort_unstable();
    assert_eq!(*calls.lock().unwrap(), [1, 3]);
}
