//! WASI preview 1 as programs in C see it, through the library.
//!
//! Each test runs one program of `tests/guests/wasi-p1` in a directory of its own. Run one by its name:
//! `cargo test -p palisade-tests --test conformance path_open`.

#![forbid(unsafe_code)]

mod peers;
mod programs;

use palisade::{Engine, Error, Instance, Linker, Module, Store};
use palisade_wasi::{
    DirPerms, FilePerms, I32Exit, MemoryInputPipe, MemoryOutputPipe, WasiCtx, WasiCtxBuilder,
};
use programs::{End, Fixture, Outcome, Program, Result, Stdin};
use std::net::{SocketAddr, TcpListener};
use std::sync::LazyLock;
use std::thread;

static ENGINE: LazyLock<Engine> = LazyLock::new(Engine::default);

/// Called by the tests that `programs.rs` defines.
fn run(program: &Program) {
    if matches!(program.stdin, Stdin::Silent) {
        return;
    }
    let fixture = Fixture::new(program);
    let streams = [0, 1].map(|_| MemoryOutputPipe::new(1 << 20));
    let (wasi, address) = context(program, &fixture, &streams);
    thread::scope(|scope| {
        if let (Some(peer), Some(address)) = (program.peer, address) {
            scope.spawn(move || peer(address));
        }
        let (mut store, instance) = instantiate(program, wasi);
        if let End::Calls(calls) = program.end {
            check_calls(&mut store, instance, calls);
            return;
        }
        let start = instance.get_typed_func::<(), ()>(&mut store, "_start").expect("a command");
        let code = exit_code(start.call(&mut store, ()));
        let [stdout, stderr] = streams.map(|stream| stream.contents().to_vec());
        Result { code, stdout, stderr }.check(program);
    });
    fixture.check(program);
}

fn context(
    program: &Program,
    fixture: &Fixture,
    [stdout, stderr]: &[MemoryOutputPipe; 2],
) -> (WasiCtx, Option<SocketAddr>) {
    let mut builder = WasiCtxBuilder::new();
    builder.arg(format!("{}.wasm", program.file)).args(program.args).envs(program.env);
    builder.stdin(MemoryInputPipe::new(program.stdin.bytes()));
    builder.stdout(stdout.clone()).stderr(stderr.clone());
    for preopen in program.preopens {
        let (dir, file) = match preopen.read_only {
            true => (DirPerms::READ, FilePerms::READ),
            false => (DirPerms::all(), FilePerms::all()),
        };
        let host = fixture.path(preopen.host);
        builder.preopened_dir(host, preopen.guest, dir, file).expect("the directory opens");
    }
    let address = program.peer.map(|_| {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
        let address = listener.local_addr().expect("it has an address");
        builder.preopened_socket(listener);
        address
    });
    (builder.build(), address)
}

fn instantiate(program: &Program, wasi: WasiCtx) -> (Store<WasiCtx>, Instance) {
    let module = Module::from_file(&ENGINE, program.path()).expect("the module loads");
    let mut linker = Linker::new(&ENGINE);
    palisade_wasi::add_to_linker(&mut linker, |wasi: &mut WasiCtx| wasi).expect("no duplicates");
    let mut store = Store::new(&ENGINE, wasi);
    let instance = linker.instantiate(&mut store, &module).expect("the module links");
    (store, instance)
}

fn exit_code(result: std::result::Result<(), Error>) -> i32 {
    match result {
        Ok(()) => 0,
        Err(error) => error.downcast_ref::<I32Exit>().unwrap_or_else(|| panic!("{error:?}")).0,
    }
}

fn check_calls(store: &mut Store<WasiCtx>, instance: Instance, calls: &[(&str, Outcome)]) {
    let initialize = instance.get_typed_func::<(), ()>(&mut *store, "_initialize");
    initialize.expect("a reactor").call(&mut *store, ()).expect("initialized");
    for &(name, outcome) in calls {
        let func = instance.get_typed_func::<(), i32>(&mut *store, name).expect("the function");
        let result = func.call(&mut *store, ());
        match outcome {
            Outcome::Returns(expected) => assert_eq!(result.expect("a result"), expected, "{name}"),
            Outcome::Exits(code) => assert_eq!(exit_code(result.map(drop)), code, "{name}"),
        }
    }
}
