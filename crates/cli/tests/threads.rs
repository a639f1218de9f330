//! `--wasi threads`: programs with threads, as their users run them. Their sources are in `tests/guests/wasi-threads`.

#![forbid(unsafe_code)]

use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// More than any of the programs takes. One that is still there then is stopped.
const LONG: Duration = Duration::from_secs(60);

fn guest(name: &str) -> PathBuf {
    let guests = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/guests/wasi-threads");
    guests.join(name).with_extension("wasm")
}

fn start(options: &[&str], name: &str, args: &[&str]) -> Child {
    let mut command = Command::new(env!("CARGO_BIN_EXE_palisade"));
    command.env("XDG_CACHE_HOME", env!("CARGO_TARGET_TMPDIR"));
    command.args(["run", "--wasi", "threads"]).args(options).arg(guest(name)).args(args);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command.spawn().expect("the program starts")
}

/// Waits for the end: exit status, stdout and stderr, which have to be less than a pipe holds.
#[track_caller]
fn finish(mut child: Child) -> (Option<i32>, String, String) {
    let started = Instant::now();
    let status = loop {
        if let Some(status) = child.try_wait().expect("a child") {
            break status.code();
        }
        if started.elapsed() > LONG {
            child.kill().expect("a child");
            panic!("the program does not end");
        }
        std::thread::sleep(Duration::from_millis(2));
    };
    let (mut stdout, mut stderr) = (String::new(), String::new());
    child.stdout.take().expect("piped").read_to_string(&mut stdout).expect("UTF-8");
    child.stderr.take().expect("piped").read_to_string(&mut stderr).expect("UTF-8");
    (status, stdout, stderr)
}

#[track_caller]
fn check(name: &str, args: &[&str], status: i32, stdout: &str) -> String {
    let (code, out, err) = finish(start(&[], name, args));
    assert_eq!((code, &*out), (Some(status), stdout), "{err}");
    err
}

#[test]
fn sum() {
    assert_eq!(check("sum", &[], 0, "sum=49995000\n"), "");
}

#[test]
fn writers() {
    let (status, stdout, stderr) = finish(start(&[], "writers", &[]));
    assert_eq!((status, &*stderr), (Some(0), ""));
    assert_eq!(stdout.len(), 16 * 500);
    for letter in 'a'..='p' {
        assert_eq!(stdout.matches(letter).count(), 500, "{letter}");
    }
}

/// A thread waits for input, of which there is none, while another one writes and after the first one has ended.
#[test]
fn reader() {
    let mut child = start(&[], "reader", &[]);
    let mut lines = BufReader::new(child.stdout.take().expect("piped")).lines();
    let mut line = || lines.next().expect("a line").expect("UTF-8");
    assert_eq!(line(), "reading");
    assert_eq!(line(), ".".repeat(50));
    let mut stdin = child.stdin.take().expect("piped");
    stdin.write_all(b"hello\n").expect("somebody reads");
    assert_eq!(line(), "hello");
    stdin.write_all(b"q\n").expect("somebody reads");
    assert_eq!(line(), "q");
    // Its stdin is still open, and nobody writes.
    assert!(lines.next().is_none());
    child.stdout = None;
    let status = child.wait().expect("a child");
    assert!(status.success());
}

#[test]
fn fifo() {
    let directory = tempfile::tempdir().expect("temporary directory");
    let path = directory.path().join("fifo");
    assert!(Command::new("mkfifo").arg(&path).status().expect("mkfifo").success());
    let options = ["--dir", &format!("{}::/", directory.path().display())];
    let (status, stdout, stderr) = finish(start(&options, "fifo", &[]));
    assert_eq!((status, &*stdout, &*stderr), (Some(0), "closed\n", ""));
}

#[test]
fn an_exit_in_a_thread() {
    assert_eq!(check("ends", &["exit"], 42, ""), "");
}

#[test]
fn a_trap_in_a_thread() {
    let stderr = check("ends", &["trap"], 134, "");
    for part in ["failed to run a thread of", "ends.wasm", "unreachable", "wasm backtrace"] {
        assert!(stderr.contains(part), "{stderr}");
    }
}

/// What threads do, running or asleep, does not keep a program that has ended.
#[test]
fn the_end_while_threads_run() {
    for way in ["run", "sleep"] {
        let started = Instant::now();
        assert_eq!(check("ends", &[way], 0, "done\n"), "");
        assert!(started.elapsed() < Duration::from_secs(50));
    }
}

#[test]
fn as_many_threads_as_there_can_be() {
    let (status, stdout, stderr) = finish(start(&[], "ends", &["limit"]));
    assert_eq!((status, &*stderr), (Some(0), ""));
    // The system may allow less.
    let count: u32 =
        stdout.trim().strip_prefix("threads=").unwrap_or(&stdout).parse().expect(&stdout);
    assert!((1..=1024).contains(&count), "{stdout}");
}

#[test]
fn only_if_asked_for() {
    let run = |options: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_palisade"));
        command.env("XDG_CACHE_HOME", env!("CARGO_TARGET_TMPDIR"));
        let output = command.args(options).arg(guest("sum")).output().expect("the program starts");
        (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
    };
    let (status, stderr) = run(&["run"]);
    assert_eq!(status, Some(1));
    assert!(stderr.contains("thread-spawn") && stderr.contains("--wasi threads"), "{stderr}");
    let (status, stderr) = run(&["run", "--wasi", "nonsense"]);
    assert_eq!(status, Some(2));
    assert!(stderr.contains("threads"), "{stderr}");
    assert_eq!(run(&["--wasi=threads"]), (Some(0), String::new()));
}

/// Programs without threads are as they were; ones that lack something are refused before they run.
#[test]
fn modules_for_threads() {
    let directory = tempfile::tempdir().expect("temporary directory");
    let run = |text: &str| {
        let file = directory.path().join("module.wat");
        std::fs::write(&file, text).expect("written");
        let mut command = Command::new(env!("CARGO_BIN_EXE_palisade"));
        command.env("XDG_CACHE_HOME", env!("CARGO_TARGET_TMPDIR"));
        let output = command.args(["--wasi", "threads"]).arg(file).output();
        let output = output.expect("the program starts");
        (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
    };
    assert_eq!(run(r#"(module (func (export "_start")))"#), (Some(0), String::new()));
    let (status, stderr) = run(r#"(module
            (import "env" "memory" (memory 1 1 shared))
            (import "wasi" "thread-spawn" (func (param i32) (result i32)))
            (func (export "_start") unreachable))"#);
    assert_eq!(status, Some(1));
    assert!(stderr.contains("no function `wasi_thread_start`"), "{stderr}");
}
