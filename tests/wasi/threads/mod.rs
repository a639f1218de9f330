//! Threads of a guest: `wasi-threads`.
//!
//! Guests and hosts wait for each other for half a minute at most, and then trap or fail.

mod ends;
mod refusals;

use crate::{BADF, FAULT};
use palisade::{Engine, Linker, Module, SharedMemory, Store, Trap};
use palisade_wasi::{
    MemoryOutputPipe, WasiCtx, WasiCtxBuilder, WasiThreadsBuilder, WasiThreadsCtx,
};
use std::io::{self, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::mpsc::{self, Receiver, Sender};
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

    /// Calls a function during which, or behind which, a thread ends the program.
    #[track_caller]
    fn run_to_the_end(&mut self) {
        let result = self.run.call(&mut self.store, ());
        eventually(|| self.threads.running() == 0);
        // The first thread is told once.
        let told = match result {
            Ok(_) => self.store.check_interrupt(),
            Err(error) => Err(error),
        };
        let error = told.unwrap_err();
        assert_eq!(error.downcast_ref(), Some(&Trap::Interrupt), "{error:#}");
        self.store.check_interrupt().unwrap();
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
