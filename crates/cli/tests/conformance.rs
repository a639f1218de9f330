//! WASI preview 1 as programs in C see it, by the command line: the programs and fixtures of `tests/conformance`, each in
//! a process of its own with pipes as its standard streams.

#![forbid(unsafe_code)]

#[path = "../../../tests/conformance/peers.rs"]
mod peers;
#[path = "../../../tests/conformance/programs.rs"]
mod programs;

use programs::{End, Fixture, Outcome, Program, Result, Stdin};
use std::io::Write;
use std::net::TcpListener;
use std::process::{Command, Stdio};
use std::thread;

/// Called by the tests that `programs.rs` defines.
fn run(program: &Program) {
    let fixture = Fixture::new(program);
    if let End::Calls(calls) = program.end {
        check_calls(program, calls);
    } else {
        output(program, &fixture, None).check(program);
    }
    fixture.check(program);
}

/// Each function's first call, in a process and directory of its own.
fn check_calls(program: &Program, calls: &[(&str, Outcome)]) {
    for (i, &(name, outcome)) in calls.iter().enumerate() {
        if calls[..i].iter().any(|&(earlier, _)| earlier == name) {
            continue;
        }
        let result = output(program, &Fixture::new(program), Some(name));
        let expected = match outcome {
            Outcome::Returns(value) => (0, format!("{value}\n")),
            Outcome::Exits(code) => (code, String::new()),
        };
        let stdout = String::from_utf8_lossy(&result.stdout).into_owned();
        let stderr = String::from_utf8_lossy(&result.stderr);
        assert_eq!((result.code, stdout), expected, "{name}: {stderr}");
    }
}

fn output(program: &Program, fixture: &Fixture, invoke: Option<&str>) -> Result {
    let mut command = Command::new(env!("CARGO_BIN_EXE_palisade"));
    command.env("XDG_CACHE_HOME", env!("CARGO_TARGET_TMPDIR"));
    command.arg("run");
    for (key, value) in program.env {
        command.arg("--env").arg(format!("{key}={value}"));
    }
    for preopen in program.preopens {
        let host = fixture.path(preopen.host);
        let read_only = if preopen.read_only { "::ro" } else { "" };
        command.arg("--dir").arg(format!("{}::{}{read_only}", host.display(), preopen.guest));
    }
    // A port that is free now; the program listens on it when it has started.
    let address = program.peer.map(|_| {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
        listener.local_addr().expect("it has an address")
    });
    if let Some(address) = address {
        command.arg("--tcplisten").arg(address.to_string());
    }
    if let Some(name) = invoke {
        command.arg("--invoke").arg(name);
    }
    command.arg(program.path()).args(program.args);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("the program starts");
    let mut stdin = child.stdin.take().expect("piped");
    thread::scope(|scope| {
        if let (Some(peer), Some(address)) = (program.peer, address) {
            scope.spawn(move || peer(address));
        }
        let mut kept_open = None;
        if matches!(program.stdin, Stdin::Silent) {
            kept_open = Some(stdin);
        } else {
            // While its output is read: neither fits into a pipe. A program that does not read may be gone already.
            scope.spawn(move || stdin.write_all(&program.stdin.bytes()));
        }
        let output = child.wait_with_output().expect("the program ends");
        drop(kept_open);
        // Without a code it was a signal.
        let code = output.status.code().unwrap_or(-1);
        Result { code, stdout: output.stdout, stderr: output.stderr }
    })
}
