//! The program as its users see it: exit statuses, what it prints, and where.

#![forbid(unsafe_code)]

use std::fs;
use std::io::Read;
use std::net::{TcpListener, TcpStream};
use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

/// A directory of its own for each test, gone with it.
struct Directory(PathBuf);

impl Directory {
    fn new() -> Directory {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let name = format!("palisade-cli-{}-{number}", std::process::id());
        let path = std::env::temp_dir().join(name);
        fs::create_dir_all(&path).expect("temporary directory");
        Directory(path)
    }

    /// Writes a file and gives its path.
    fn file(&self, name: &str, contents: impl AsRef<[u8]>) -> String {
        let path = self.0.join(name);
        fs::create_dir_all(path.parent().expect("inside the directory")).expect("directory");
        fs::write(&path, contents).expect("file");
        path.to_str().expect("UTF-8").to_string()
    }

    fn path(&self) -> &str {
        self.0.to_str().expect("UTF-8")
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

struct Outcome {
    status: Option<i32>,
    stdout: String,
    stderr: String,
}

impl Outcome {
    #[track_caller]
    fn exits(self, status: i32) -> Outcome {
        assert_eq!(self.status, Some(status), "stdout: {}\nstderr: {}", self.stdout, self.stderr);
        self
    }

    #[track_caller]
    fn prints(self, stdout: &str) -> Outcome {
        assert_eq!(self.stdout, stdout, "stderr: {}", self.stderr);
        self
    }

    /// Each part is somewhere in standard output.
    #[track_caller]
    fn shows(self, parts: &[&str]) -> Outcome {
        for part in parts {
            assert!(self.stdout.contains(part), "no {part:?} in: {}", self.stdout);
        }
        self
    }

    /// Each part is somewhere in standard error.
    #[track_caller]
    fn complains(self, parts: &[&str]) -> Outcome {
        for part in parts {
            assert!(self.stderr.contains(part), "no {part:?} in: {}", self.stderr);
        }
        self
    }
}

fn command(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_palisade"));
    command.env("XDG_CACHE_HOME", env!("CARGO_TARGET_TMPDIR"));
    command.args(args).stdin(Stdio::null());
    command
}

fn finish(mut command: Command) -> Outcome {
    let output = command.output().expect("the program starts");
    Outcome {
        status: output.status.code(),
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

fn palisade(args: &[&str]) -> Outcome {
    finish(command(args))
}

/// Runs with `input` on standard input.
fn palisade_with_input(args: &[&str], input: &str) -> Outcome {
    let directory = Directory::new();
    let file = fs::File::open(directory.file("input", input)).expect("input");
    let mut command = command(args);
    command.stdin(file);
    finish(command)
}

const MATH: &str = r#"(module $math
    (func $div (export "div") (param i32 i32) (result i32)
        (i32.div_s (local.get 0) (local.get 1)))
    (func (export "wide") (param i64) (result i64) (local.get 0))
    (func (export "floats") (param f32 f64) (result f64 f32) (local.get 1) (local.get 0))
    (func (export "reference") (param externref) (result externref) (local.get 0))
    (memory (export "memory") 1 2)
    (global (export "answer") (mut i64) (i64.const 42)))"#;

/// A program that exits with 7 through WASI.
const EXITS: &str = r#"(module
    (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
    (memory (export "memory") 1)
    (func (export "_start") (call $exit (i32.const 7))))"#;

/// A program that exits with 16 times its number of arguments, plus its number of environment variables.
const COUNTS: &str = r#"(module
    (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
    (import "wasi_snapshot_preview1" "args_sizes_get" (func $args (param i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "environ_sizes_get" (func $env (param i32 i32) (result i32)))
    (memory (export "memory") 1)
    (func (export "_start")
        (drop (call $args (i32.const 0) (i32.const 8)))
        (drop (call $env (i32.const 4) (i32.const 8)))
        (call $exit (i32.add
            (i32.mul (i32.load (i32.const 0)) (i32.const 16))
            (i32.load (i32.const 4))))))"#;

const TRAPS: &str = r#"(module $bad
    (func $inner unreachable)
    (func (export "_start") (call $inner)))"#;

#[test]
fn invoke_prints_results_one_a_line() {
    let directory = Directory::new();
    let math = directory.file("math.wat", MATH);
    let invoke = |name: &str, args: &[&str]| {
        palisade(&[&["run", "--invoke", name, math.as_str()], args].concat())
    };
    invoke("div", &["-6", "0x2"]).exits(0).prints("-3\n");
    invoke("div", &["4294967295", "1"]).exits(0).prints("-1\n");
    invoke("wide", &["18446744073709551615"]).exits(0).prints("-1\n");
    invoke("wide", &["-0x8000000000000000"]).exits(0).prints("-9223372036854775808\n");
    invoke("floats", &["-inf", "nan"]).exits(0).prints("NaN\n-inf\n");
    invoke("floats", &["1.5", "0x1p-2"]).exits(0).prints("0.25\n1.5\n");
    invoke("reference", &["null"]).exits(0).prints("<null externref>\n");
    palisade(&["--invoke", "div", &math, "9", "3"]).exits(0).prints("3\n");
}

#[test]
fn wrong_invocations() {
    let directory = Directory::new();
    let math = directory.file("math.wat", MATH);
    palisade(&["--invoke", "div", &math, "1"]).exits(2).complains(&["2 arguments", "1 was given"]);
    palisade(&["--invoke", "div", &math, "1", "2", "3"]).exits(2).complains(&["3 were given"]);
    palisade(&["--invoke", "div", &math, "1", "x"]).exits(2).complains(&["`x`", "i32"]);
    palisade(&["--invoke", "div", &math, "1", "4294967296"]).exits(2);
    palisade(&["--invoke", "nope", &math]).exits(1).complains(&["`nope`", "`div`"]);
    palisade(&["--invoke", "memory", &math]).exits(1).complains(&["`memory`"]);
}

#[test]
fn wrong_usage() {
    palisade(&[]).exits(2);
    palisade(&["run"]).exits(2);
    palisade(&["wast"]).exits(2);
    palisade(&["validate"]).exits(2);
    palisade(&["inspect"]).exits(2);
    palisade(&["--no-such-option", "x.wasm"]).exits(2).complains(&["--no-such-option"]);
    palisade(&["run", "--env", "=x", "x.wasm"]).exits(2);
    palisade(&["run", "--preload", "x", "x.wasm"]).exits(2).complains(&["NAME=FILE"]);
    palisade(&["run", "--dir", "::x", "x.wasm"]).exits(2);
}

#[test]
fn help_and_version() {
    palisade(&["--version"]).exits(0).shows(&["palisade "]);
    let words = ["Examples:", "wast", "validate", "inspect", "--preload", "Exit status"];
    palisade(&["--help"]).exits(0).shows(&words);
    palisade(&["run", "--help"]).exits(0).shows(&["--invoke", "--dir", "HOST[::GUEST[::ro]]"]);
}

#[test]
fn a_trap_is_134_with_a_backtrace() {
    let directory = Directory::new();
    let traps = directory.file("traps.wat", TRAPS);
    palisade(&[&traps]).exits(134).prints("").complains(&[
        "Error: ",
        "wasm trap: wasm `unreachable` instruction executed",
        "wasm backtrace:",
        "bad!inner",
    ]);
    let math = directory.file("math.wat", MATH);
    palisade(&["--invoke", "div", &math, "1", "0"])
        .exits(134)
        .complains(&["wasm trap: integer divide by zero", "math!div"]);
    let start = directory.file("start.wat", "(module (func $f unreachable) (start $f))");
    palisade(&[&start]).exits(134);
}

#[test]
fn the_exit_status_of_the_guest() {
    let directory = Directory::new();
    let exits = directory.file("exits.wat", EXITS);
    palisade(&[&exits]).exits(7).prints("");
    palisade(&["run", &exits]).exits(7);
    assert_eq!(palisade(&[&exits]).stderr, "");
}

#[test]
fn arguments_and_environment_of_the_guest() {
    let directory = Directory::new();
    let counts = directory.file("counts.wat", COUNTS);
    palisade(&[&counts]).exits(16);
    // What follows the file is the guest's, also what looks like an option.
    palisade(&[&counts, "--env", "-x", "--", "a"]).exits(16 * 5);
    palisade(&["run", "--env", "A=1", "--env", "B=", &counts, "x"]).exits(16 * 2 + 2);

    let mut inherits = command(&["--env", "PALISADE_GIVEN", "--env", "PALISADE_MISSING", &counts]);
    inherits.env("PALISADE_GIVEN", "1").env_remove("PALISADE_MISSING");
    finish(inherits).exits(16 + 1);
}

#[test]
fn the_whole_environment() {
    let directory = Directory::new();
    let counts = directory.file("counts.wat", COUNTS);
    let mut inherits = command(&["--inherit-env", "--env", "A=9", "--env", "C=1", &counts]);
    inherits.env_clear().env("A", "1").env("B", "2");
    finish(inherits).exits(16 + 3);
}

/// Writes the first five characters of its name to standard output.
const NAMES_ITSELF: &str = r#"(module
    (import "wasi_snapshot_preview1" "args_get" (func $args (param i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "fd_write"
        (func $write (param i32 i32 i32 i32) (result i32)))
    (memory (export "memory") 1)
    (data (i32.const 0) "\00\01\00\00\05\00\00\00")
    (func (export "_start")
        (drop (call $args (i32.const 64) (i32.const 256)))
        (drop (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 16)))))"#;

#[test]
fn the_name_of_the_guest() {
    let directory = Directory::new();
    let names = directory.file("names.wat", NAMES_ITSELF);
    palisade(&[&names]).exits(0).prints("names");
    palisade(&["--argv0", "other", &names]).exits(0).prints("other");
}

/// Makes a directory `made` below descriptor 3 and exits with the error code.
const MAKES: &str = r#"(module
    (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
    (import "wasi_snapshot_preview1" "path_create_directory"
        (func $make (param i32 i32 i32) (result i32)))
    (memory (export "memory") 1)
    (data (i32.const 0) "made")
    (func (export "_start") (call $exit (call $make (i32.const 3) (i32.const 0) (i32.const 4)))))"#;

#[test]
fn directories_only_to_read() {
    let directory = Directory::new();
    let makes = directory.file("makes.wat", MAKES);
    let host = directory.0.join("host");
    fs::create_dir(&host).expect("directory");
    let host = host.to_str().expect("UTF-8");
    palisade(&["--dir", &format!("{host}::/::ro"), &makes]).exits(63);
    palisade(&["--dir", &format!("{host}::/"), &makes]).exits(0);
    palisade(&["--dir", host, &makes]).exits(20);
    palisade(&["--dir", &format!("{host}::/::rw"), &makes]).exits(2).complains(&["::ro"]);
}

/// Accepts a connection from descriptor 3 and sends "hello".
const SERVES: &str = r#"(module
    (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
    (import "wasi_snapshot_preview1" "sock_accept"
        (func $accept (param i32 i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "sock_send"
        (func $send (param i32 i32 i32 i32 i32) (result i32)))
    (memory (export "memory") 1)
    (data (i32.const 0) "\08\00\00\00\05\00\00\00hello")
    (func (export "_start")
        (call $exit (i32.or
            (call $accept (i32.const 3) (i32.const 0) (i32.const 16))
            (call $send (i32.load (i32.const 16)) (i32.const 0) (i32.const 1) (i32.const 0)
                (i32.const 20))))))"#;

#[test]
fn a_server() {
    let directory = Directory::new();
    let serves = directory.file("serves.wat", SERVES);
    // A port that was free just now.
    let port =
        TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("bound").port();
    let address = format!("127.0.0.1:{port}");
    let mut child = command(&["--tcplisten", &address, &serves]).spawn().expect("starts");
    let mut text = String::new();
    let mut client = loop {
        match TcpStream::connect(&address) {
            Ok(client) => break client,
            Err(_) => assert!(child.try_wait().expect("a child").is_none(), "it still listens"),
        }
        std::thread::yield_now();
    };
    client.read_to_string(&mut text).expect("its answer");
    assert_eq!((text.as_str(), child.wait().expect("ends").code()), ("hello", Some(0)));
    palisade(&["--tcplisten", "nowhere", &serves]).exits(1).complains(&["nowhere"]);
}

/// Raises the signal that is named by its number of arguments.
const RAISES: &str = r#"(module
    (import "wasi_snapshot_preview1" "proc_raise" (func $raise (param i32) (result i32)))
    (import "wasi_snapshot_preview1" "args_sizes_get" (func $args (param i32 i32) (result i32)))
    (memory (export "memory") 1)
    (func (export "_start")
        (drop (call $args (i32.const 0) (i32.const 8)))
        (drop (call $raise (i32.load (i32.const 0))))))"#;

#[test]
fn signals_that_a_guest_raises() {
    let directory = Directory::new();
    let raises = directory.file("raises.wat", RAISES);
    assert_eq!(palisade(&[&raises, "2"]).exits(130).stderr, "");
    palisade(&[&[raises.as_str()], &["x"; 12][..]].concat()).exits(0);
    palisade(&[&[raises.as_str()], &["x"; 14][..]].concat()).exits(143);
}

/// Writes "y" without end, whatever comes of it.
const YES: &str = r#"(module
    (import "wasi_snapshot_preview1" "fd_write"
        (func $write (param i32 i32 i32 i32) (result i32)))
    (memory (export "memory") 1)
    (data (i32.const 0) "\08\00\00\00\02\00\00\00y\0a")
    (func (export "_start")
        (loop
            (drop (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 16)))
            (br 0))))"#;

/// As a native program: it dies of the signal, and does not go on without a reader.
#[test]
fn a_guest_whose_reader_leaves() {
    let directory = Directory::new();
    let yes = directory.file("yes.wat", YES);
    let mut command = command(&[&yes]);
    let mut child = command.stdout(Stdio::piped()).spawn().expect("starts");
    let mut start = [0; 4];
    child.stdout.take().expect("piped").read_exact(&mut start).expect("its output");
    assert_eq!(&start, b"y\ny\n");
    const SIGPIPE: i32 = 13;
    assert_eq!(child.wait().expect("ends").signal(), Some(SIGPIPE));
}

#[test]
fn a_module_without_a_command_is_instantiated() {
    let directory = Directory::new();
    let math = directory.file("math.wat", MATH);
    palisade(&[&math]).exits(0).prints("");
}

#[test]
fn a_reactor_is_initialized_before_its_functions() {
    let directory = Directory::new();
    let reactor = r#"(module (global $g (mut i32) (i32.const 0))
        (func (export "_initialize") (global.set $g (i32.const 5)))
        (func (export "get") (result i32) (global.get $g)))"#;
    let reactor = directory.file("reactor.wat", reactor);
    palisade(&["--invoke", "get", &reactor]).exits(0).prints("5\n");
}

#[test]
fn preloaded_modules_resolve_imports() {
    let directory = Directory::new();
    let one =
        directory.file("one.wat", r#"(module (func (export "one") (result i32) i32.const 1))"#);
    // It imports from the one before.
    let two = r#"(module (import "a" "one" (func $one (result i32)))
        (func (export "two") (result i32) (i32.add (call $one) (call $one))))"#;
    let two = directory.file("two.wat", two);
    let main = r#"(module (import "b" "two" (func $two (result i32)))
        (func (export "main") (result i32) (call $two)))"#;
    let main = directory.file("main.wat", main);
    let (a, b) = (format!("a={one}"), format!("b={two}"));
    palisade(&["--preload", &a, "--preload", &b, "--invoke", "main", &main]).exits(0).prints("2\n");
    palisade(&["--preload", &b, &main]).exits(1).complains(&["two.wat", "one"]);
    palisade(&[&main]).exits(1).complains(&["main.wat", "two"]);
}

#[test]
fn the_module_on_standard_input() {
    palisade_with_input(&["--invoke", "div", "-", "8", "2"], MATH).exits(0).prints("4\n");
    palisade_with_input(&["run", "-"], EXITS).exits(7);
    palisade_with_input(&["-"], "(module (func").exits(1).complains(&["standard input"]);
    palisade_with_input(&["validate", "-"], MATH).exits(0).prints("<stdin>: valid\n");
    palisade_with_input(&["inspect", "-"], MATH).exits(0).shows(&["exports"]);
}

#[test]
fn what_cannot_be_loaded() {
    let directory = Directory::new();
    let missing = directory.0.join("missing.wasm");
    let missing = missing.to_str().expect("UTF-8");
    palisade(&[missing]).exits(1).complains(&["Error: ", "missing.wasm"]);
    palisade(&[directory.path()]).exits(1).complains(&["Error: "]);
    let elf = directory.file("elf", b"\x7fELF\x02\x01\x01\0");
    palisade(&[&elf]).exits(1).complains(&["Error: "]);
    let broken = directory.file("broken.wasm", b"\0asm\x01\0\0\0\x01\xff");
    palisade(&[&broken]).exits(1).complains(&["Error: "]);
    let text = directory.file("broken.wat", "(module (func (result i32)))");
    palisade(&[&text]).exits(1).complains(&["Error: "]);
    let exits = directory.file("exits.wat", EXITS);
    let nowhere = format!("{missing}::/");
    palisade(&["--dir", &nowhere, &exits]).exits(1).complains(&["missing.wasm"]);
}

#[test]
fn validate_says_a_line_a_file() {
    let directory = Directory::new();
    let good = directory.file("good.wat", MATH);
    let bad = directory.file("bad.wat", "(module (func (result i32)))");
    palisade(&["validate", &good]).exits(0).prints(&format!("{good}: valid\n"));
    let both = palisade(&["validate", &bad, &good]).exits(1);
    both.shows(&[&format!("{bad}: invalid: "), "type mismatch", &format!("{good}: valid\n")]);
    let missing = format!("{}/missing.wasm", directory.path());
    palisade(&["validate", &missing]).exits(1).shows(&["missing.wasm: "]);
}

#[test]
fn inspect_shows_what_a_module_is_made_of() {
    let directory = Directory::new();
    let module = r#"(module $shown
        (import "env" "tick" (func $tick (param i32) (result i64)))
        (import "env" "table" (table 1 2 funcref))
        (memory (export "memory") 1 3)
        (global (export "g\1b[31m") (mut f32) (f32.const 0))
        (func $run (export "run") (drop (call $tick (i32.const 1))))
        (@custom "note" "abc")
        (@producers (language "C" "99")))"#;
    let module = directory.file("shown.wat", module);
    palisade(&["inspect", &module]).exits(0).shows(&[
        "shown.wat: ",
        "module name: shown",
        "custom \"note\"",
        "func   env.tick   (i32) -> i64",
        "table  env.table  1 funcref, at most 2",
        "1 page (65536 bytes), at most 3 pages (196608 bytes)",
        "g\\u{1b}[31m",
        "mut f32",
        "imported         1",
        "language  C  99",
    ]);
}

#[test]
fn inspect_shows_kinds_of_memories() {
    let directory = Directory::new();
    let module = r#"(module (import "m" "wide" (memory i64 1 0x1000000000000))
        (memory 7 9 (pagesize 1)) (table i64 3 funcref))"#;
    let module = directory.file("memories.wat", module);
    palisade(&["inspect", &module]).exits(0).shows(&[
        "at most 281474976710656 pages (18446744073709551616 bytes), 64-bit  imported: m.wide",
        "1  7 pages (7 bytes), at most 9 pages (9 bytes), page size 2^0",
        "3 funcref, 64-bit",
    ]);
}

#[test]
fn scripts_may_use_all_that_is_built() {
    let directory = Directory::new();
    let script = r#"(module (table (import "spectest" "table64") i64 10 20 funcref)
        (memory i64 1 (pagesize 1)) (memory 1)
        (func (export "size") (result i64) (table.size 0)))
        (assert_return (invoke "size") (i64.const 10))"#;
    let script = directory.file("all.wast", script);
    palisade(&["wast", &script]).exits(0).prints("1 passed, 0 failed\n");
}

#[test]
fn inspect_survives_anything() {
    let directory = Directory::new();
    let elf = directory.file("elf", b"\x7fELF\x02\x01\x01\0");
    palisade(&["inspect", &elf]).exits(1).complains(&["Error: "]);
    palisade(&["inspect", directory.path()]).exits(1);
    // An export of a function that does not exist, and then a section that is cut off.
    let cut = directory.file("cut.wasm", b"\0asm\x01\0\0\0\x07\x05\x01\x01f\0\x09\x0a\x20\x01");
    palisade(&["inspect", &cut])
        .exits(1)
        .shows(&["there is no func 9"])
        .complains(&["cannot inspect"]);
    // Memories of absurd sizes: 64-bit, and with pages of 2^64 bytes.
    for memory in [&b"\x04\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"[..], b"\x08\x01\x40"] {
        let mut bytes = b"\0asm\x01\0\0\0\x05".to_vec();
        bytes.push(u8::try_from(memory.len() + 1).expect("short"));
        bytes.push(1);
        bytes.extend_from_slice(memory);
        let file = directory.file("absurd.wasm", bytes);
        let status = palisade(&["inspect", &file]).status;
        assert!(matches!(status, Some(0 | 1)), "{status:?}");
    }
}

#[test]
fn a_script_that_holds() {
    let directory = Directory::new();
    let script = r#"
        (module $m
            (func (export "div") (param i32 i32) (result i32)
                (i32.div_s (local.get 0) (local.get 1)))
            (func (export "nan") (result f32) (f32.const nan:0x600000))
            (func $deep (export "deep") (call $deep))
            (func (export "same") (param externref) (result externref) (local.get 0))
            (global (export "g") i64 (i64.const -1)))
        (assert_return (invoke "div" (i32.const 7) (i32.const 2)) (i32.const 3))
        (assert_return (invoke "div" (i32.const 7) (i32.const 2))
            (either (i32.const 4) (i32.const 3)))
        (assert_return (invoke "nan") (f32.const nan:arithmetic))
        (assert_return (invoke "same" (ref.extern 5)) (ref.extern 5))
        (assert_return (invoke "same" (ref.null extern)) (ref.null extern))
        (assert_return (get "g") (i64.const -1))
        (assert_trap (invoke "div" (i32.const 1) (i32.const 0)) "integer divide by zero")
        (assert_exhaustion (invoke "deep") "call stack exhausted")
        (assert_trap (module (func $f unreachable) (start $f)) "unreachable")
        (assert_invalid (module (func (result i32))) "type mismatch")
        (assert_malformed (module quote "(func") "unexpected token")
        (assert_unlinkable (module (import "no" "where" (func))) "unknown import")
        (register "math" $m)
        (module
            (import "math" "div" (func $div (param i32 i32) (result i32)))
            (import "spectest" "global_i32" (global $g i32))
            (import "spectest" "print_i32" (func $print (param i32)))
            (import "spectest" "table" (table 10 20 funcref))
            (import "spectest" "memory" (memory 1 2))
            (func (export "half") (result i32)
                (call $print (global.get $g))
                (call $div (global.get $g) (i32.const 2))))
        (invoke "half")
        (assert_return (invoke "half") (i32.const 333))
        (assert_return (invoke $m "div" (i32.const 1) (i32.const 1)) (i32.const 1))
        (module definition $d (global (export "g") (mut i32) (i32.const 1)))
        (module instance $i $d)
        (assert_return (get $i "g") (i32.const 1))"#;
    let script = directory.file("good.wast", script);
    palisade(&["wast", &script]).exits(0).prints("15 passed, 0 failed\n");
}

#[test]
fn a_script_that_fails_says_where_and_why() {
    let directory = Directory::new();
    let script = r#"(module
  (func (export "one") (result i32) (i32.const 1))
  (func (export "zero") (result f32) (f32.const -0.0)))
(assert_return (invoke "one") (i32.const 2))
(assert_return (invoke "zero") (f32.const 0.0))
(assert_trap (invoke "one") "unreachable")
(assert_return (invoke "missing"))
(module (import "no" "where" (func)))
(assert_return (invoke "one") (i32.const 1))
(assert_invalid (module) "type mismatch")
(module (func (export "one") (result i32) (i32.const 1)))
(assert_return (invoke "one") (i32.const 1))"#;
    let file = directory.file("bad.wast", script);
    let at = |line: usize, message: &str| format!("{file}:{line}: {message}");
    palisade(&["wast", &file]).exits(1).shows(&[
        &at(4, "expected [i32 2], got [i32 1]\n"),
        &at(5, "expected [f32 0.0 (0x00000000)], got [f32 -0.0 (0x80000000)]\n"),
        &at(6, "expected trap \"unreachable\", got results"),
        &at(7, "no exported function \"missing\"\n"),
        &at(8, "module failed: "),
        &at(9, "no instance"),
        &at(10, "expected invalid module (type mismatch), but it compiles\n"),
        "\n1 passed, 7 failed\n",
    ]);
}

#[test]
fn scripts_of_a_directory_in_order() {
    let directory = Directory::new();
    let wrong = "(module) (assert_return (invoke \"f\"))";
    directory.file("b.wast", wrong);
    directory.file("a/nested.wast", wrong);
    directory.file("c.wast", "(module");
    directory.file("d.wast", b"(module)\n\xff");
    directory.file("not-a-script.txt", "");
    let outcome = palisade(&["wast", directory.path()]).exits(1);
    let places: Vec<&str> = outcome
        .stdout
        .lines()
        .filter_map(|line| line.strip_prefix(directory.path())?.split(": ").next())
        .collect();
    assert_eq!(places, ["/a/nested.wast:1", "/b.wast:1", "/c.wast:1", "/d.wast:2"]);
    assert!(outcome.stdout.ends_with("\n0 passed, 4 failed\n"), "{}", outcome.stdout);

    let empty = Directory::new();
    palisade(&["wast", empty.path()]).exits(1).complains(&["no .wast file"]);
    palisade(&["wast", "/no/such/script.wast"]).exits(1).complains(&["script.wast"]);
}

#[test]
fn a_reader_that_leaves_is_no_reason_to_panic() {
    let directory = Directory::new();
    let script = directory.file("many.wast", "(assert_return (invoke \"f\"))\n".repeat(20_000));
    let mut command = command(&["wast", &script]);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("starts");
    drop(child.stdout.take());
    let output = child.wait_with_output().expect("ends");
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
}

/// What was compiled in one run is there in the next; without a folder for caches everything works too.
#[test]
fn compiled_modules_are_kept() {
    let directory = Directory::new();
    let program = directory.file("exits.wat", EXITS);
    let caches = directory.path().to_string() + "/caches";
    let run = |args: &[&str]| {
        let mut command = command(args);
        command.env("XDG_CACHE_HOME", &caches);
        finish(command)
    };
    run(&["run", "--no-cache", &program]).exits(7);
    assert!(!fs::exists(&caches).unwrap());
    for _ in 0..2 {
        run(&["run", &program]).exits(7);
        let stats = run(&["cache", "stats"]).exits(0).stdout;
        assert!(stats.starts_with(&format!("{caches}/palisade: 1 entry")), "{stats}");
    }
    run(&["run", "--compile", "eager", &program]).exits(7);
    let removed = run(&["cache", "clean"]).exits(0).stdout;
    assert!(removed.starts_with("removed 2 entries"), "{removed}");
    // The folder cannot be made below a file.
    let file = directory.file("file", "");
    let mut command = command(&["run", &program]);
    command.env("XDG_CACHE_HOME", &file);
    finish(command).exits(7);
}

#[test]
fn compiled_files_are_run() {
    let directory = Directory::new();
    let program = directory.file("exits.wat", EXITS);
    palisade(&["compile", &program]).exits(0).prints("");
    let compiled = directory.path().to_string() + "/exits.pal";
    palisade(&["run", &compiled]).exits(7);
    palisade(&[&compiled]).exits(7);
    let other = directory.path().to_string() + "/other";
    palisade(&["compile", &program, "-o", &other]).exits(0);
    palisade(&["run", &other]).exits(7);

    let mut bytes = fs::read(&compiled).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    let damaged = directory.file("damaged.pal", bytes);
    let error = palisade(&["run", &damaged]).exits(1).stderr;
    assert!(error.contains("damaged.pal") && error.contains("is damaged"), "{error}");
    let wrong = directory.file("wrong.wat", "(module (func (result i32)))");
    let error = palisade(&["compile", &wrong]).exits(1).stderr;
    assert!(error.contains("wrong.wat"), "{error}");
    palisade_with_input(&["compile", "-"], EXITS).exits(2);
    palisade_with_input(&["compile", "-", "-o", &other], EXITS).exits(0);
    let error = palisade(&["compile", &program, "-o", "/nowhere/x.pal"]).exits(1).stderr;
    assert!(error.contains("/nowhere/x.pal"), "{error}");
}
