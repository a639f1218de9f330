//! Real programs, built by stock toolchains from the sources in `tests/guests/`: each as a user runs it, and through the
//! library.

#![forbid(unsafe_code)]

use palisade::{Engine, Error, Instance, Linker, Module, Store, Trap, TypedFunc, WasmBacktrace};
use palisade_wasi::{
    DirPerms, FilePerms, I32Exit, MemoryInputPipe, MemoryOutputPipe, WasiCtx, WasiCtxBuilder,
};
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// A guest, what it is given, and what it must do with that.
#[derive(Default)]
struct Run<'a> {
    name: &'a str,
    args: &'a [&'a str],
    env: &'a [(&'a str, &'a str)],
    /// Host and guest name of a directory.
    dir: Option<(&'a Path, &'a str)>,
    stdin: &'a str,
    stdout: &'a str,
    end: End,
}

/// How a guest ends.
enum End {
    Exit(i32),
    Trap(Trap),
}

impl Default for End {
    fn default() -> End {
        End::Exit(0)
    }
}

impl Run<'_> {
    fn check(&self) {
        self.check_program();
        self.check_library();
    }

    fn check_program(&self) {
        let mut command = Command::new(env!("CARGO_BIN_EXE_palisade"));
        command.env("XDG_CACHE_HOME", env!("CARGO_TARGET_TMPDIR"));
        command.arg("run");
        for (key, value) in self.env {
            command.arg("--env").arg(format!("{key}={value}"));
        }
        if let Some((host, guest)) = self.dir {
            command.arg("--dir").arg(format!("{}::{guest}", host.display()));
        }
        command.arg(path(self.name)).args(self.args);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("the program starts");
        // A guest that does not read may be gone already.
        let _ = child.stdin.take().expect("piped").write_all(self.stdin.as_bytes());
        let output = child.wait_with_output().expect("the program ends");
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!(String::from_utf8_lossy(&output.stdout), self.stdout, "{}: {stderr}", self.name);
        match self.end {
            End::Exit(code) => {
                assert_eq!(output.status.code(), Some(code), "{}: {stderr}", self.name);
                assert_eq!(stderr, "", "{}", self.name);
            }
            End::Trap(trap) => {
                assert_eq!(output.status.code(), Some(134), "{}: {stderr}", self.name);
                assert!(stderr.contains(&trap.to_string()), "{}: {stderr}", self.name);
                assert!(stderr.contains("wasm backtrace"), "{}: {stderr}", self.name);
            }
        }
    }

    fn check_library(&self) {
        let stdout = MemoryOutputPipe::new(1 << 20);
        let mut builder = WasiCtxBuilder::new();
        builder.arg(format!("{}.wasm", self.name)).args(self.args).envs(self.env);
        builder.stdin(MemoryInputPipe::new(self.stdin.to_string())).stdout(stdout.clone());
        if let Some((host, guest)) = self.dir {
            let (dirs, files) = (DirPerms::all(), FilePerms::all());
            builder.preopened_dir(host, guest, dirs, files).expect("the directory opens");
        }
        let (mut store, instance) = instantiate(self.name, builder.build());
        let start = instance.get_typed_func::<(), ()>(&mut store, "_start").expect("a command");
        let result = start.call(&mut store, ());
        let printed = String::from_utf8(stdout.contents().to_vec()).expect("UTF-8");
        assert_eq!(printed, self.stdout, "{}: {result:?}", self.name);
        match self.end {
            End::Exit(code) => assert_eq!(exit_code(result), code, "{}", self.name),
            End::Trap(trap) => {
                let error = result.expect_err(self.name);
                assert_eq!(error.downcast_ref::<Trap>(), Some(&trap), "{}", self.name);
            }
        }
    }
}

fn path(name: &str) -> PathBuf {
    let guests = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/guests/wasi");
    guests.join(name).with_extension("wasm")
}

fn instantiate(name: &str, wasi: WasiCtx) -> (Store<WasiCtx>, Instance) {
    let engine = Engine::default();
    let module = Module::from_file(&engine, path(name)).expect("the module loads");
    let mut linker = Linker::new(&engine);
    palisade_wasi::add_to_linker(&mut linker, |wasi: &mut WasiCtx| wasi).expect("no duplicates");
    let mut store = Store::new(&engine, wasi);
    let instance = linker.instantiate(&mut store, &module).expect("the module links");
    (store, instance)
}

fn exit_code(result: Result<(), Error>) -> i32 {
    match result {
        Ok(()) => 0,
        Err(error) => error.downcast_ref::<I32Exit>().unwrap_or_else(|| panic!("{error:?}")).0,
    }
}

#[test]
fn args_env() {
    Run {
        name: "args_env",
        args: &["a", "b c", "日本"],
        env: &[("GREETING", "hej")],
        stdout: "argv[1]=a\nargv[2]=b c\nargv[3]=日本\nGREETING=hej\nargc=4\n",
        ..Run::default()
    }
    .check();
}

#[test]
fn files() {
    let checks: [fn(&Run<'_>); 2] = [|run| run.check_program(), |run| run.check_library()];
    for check in checks {
        let dir = tempfile::tempdir().expect("temporary directory");
        fs::write(dir.path().join("in.txt"), "one\ntwo\nthree\n").expect("written");
        check(&Run {
            name: "files",
            dir: Some((dir.path(), "/data")),
            stdout: "lines=3\nsize=10\nmkdir=0 isdir=1\nrename=0\nescape: denied\n\
                     missing: No such file or directory\n",
            ..Run::default()
        });
        let written = fs::read_to_string(dir.path().join("sub/out.txt")).expect("the guest's file");
        assert_eq!(written, "0123X56789");
    }
}

#[test]
fn clock_random() {
    Run {
        name: "clock_random",
        stdout: "monotonic_ok=1 slept_20ms=1 after_2020=1 entropy_ok=1\n",
        ..Run::default()
    }
    .check();
}

#[test]
fn exit_codes() {
    let cases = [
        ("0", "atexit ran\n", End::Exit(0)),
        ("7", "atexit ran\n", End::Exit(7)),
        ("98", "", End::Exit(98)),
        ("99", "", End::Trap(Trap::UnreachableCodeReached)),
    ];
    for (arg, stdout, end) in cases {
        Run { name: "exit_code", args: &[arg], stdout, end, ..Run::default() }.check();
    }
}

#[test]
fn iostream() {
    let counted = "a=1\ncat=2\ndog=1\nthe=3\n";
    let stdin = "the cat the dog a cat the";
    Run { name: "iostream", stdin, stdout: counted, ..Run::default() }.check();
    Run { name: "iostream", end: End::Exit(3), ..Run::default() }.check();
}

#[test]
fn layouts() {
    let order = "data<bss 1 bss<data_end 1 heap>=heap_base 1 rodata>=global_base 1\n";
    let cases = [
        ("layout_default", "global_base=1024 data_end=10388 heap_base=75936\n", 0),
        ("layout_stack_first", "global_base=65536 data_end=74900 heap_base=74912\n", 1),
    ];
    for (name, places, below) in cases {
        let stdout = format!("{places}{order}stack_below_data={below}\n");
        Run { name, stdout: &stdout, ..Run::default() }.check();
    }
}

/// A guest's own stack overflow: its frames run on into data, or below address 0.
#[test]
fn overflows() {
    for (name, trap) in [
        ("overflow_default", Trap::TableOutOfBounds),
        ("overflow_stack_first", Trap::MemoryOutOfBounds),
    ] {
        Run { name, stdout: "start\n", end: End::Trap(trap), ..Run::default() }.check();
    }
}

#[test]
fn trap() {
    let end = End::Trap(Trap::IntegerDivisionByZero);
    Run { name: "trap", stdout: "about to trap\n", end, ..Run::default() }.check();
}

/// Backtraces have the functions, files and lines of the source, inlined functions included.
#[test]
fn source_lines() {
    let end = End::Trap(Trap::IntegerDivisionByZero);
    Run { name: "debug", end, ..Run::default() }.check();
    Run { name: "debug", args: &["3"], end: End::Exit(2), ..Run::default() }.check();

    let (mut store, instance) = instantiate("debug", WasiCtxBuilder::new().build());
    let start = instance.get_typed_func::<(), ()>(&mut store, "_start").unwrap();
    let error = start.call(&mut store, ()).unwrap_err();
    let backtrace = error.downcast_ref::<WasmBacktrace>().unwrap();
    let symbols = backtrace.frames().iter().take(2).flat_map(|frame| frame.symbols());
    let places: Vec<_> =
        symbols.map(|s| (s.name().unwrap(), s.file().unwrap(), s.line().unwrap())).collect();
    let file = "./src/debug.c";
    assert_eq!(places, [("ratio", file, 5), ("average", file, 12), ("__main_argc_argv", file, 17)]);
    assert_eq!(backtrace.frames()[0].func_name(), Some("average"));
}

#[test]
fn reactor() {
    let (mut store, instance) = instantiate("reactor", WasiCtxBuilder::new().build());
    let is_ready: TypedFunc<(), i32> = instance.get_typed_func(&mut store, "is_ready").unwrap();
    assert_eq!(is_ready.call(&mut store, ()).unwrap(), 0);
    let initialize = instance.get_typed_func::<(), ()>(&mut store, "_initialize").unwrap();
    initialize.call(&mut store, ()).unwrap();
    assert_eq!(is_ready.call(&mut store, ()).unwrap(), 42);

    let malloc = instance.get_typed_func::<u32, u32>(&mut store, "malloc").unwrap();
    let free = instance.get_typed_func::<u32, ()>(&mut store, "free").unwrap();
    let reverse = instance.get_typed_func::<u32, u32>(&mut store, "reverse").unwrap();
    let memory = instance.get_memory(&mut store, "memory").unwrap();
    let text = malloc.call(&mut store, 4).unwrap();
    memory.write(&mut store, text as usize, b"abc\0").unwrap();
    let reversed = reverse.call(&mut store, text).unwrap();
    let mut bytes = [0; 4];
    memory.read(&store, reversed as usize, &mut bytes).unwrap();
    assert_eq!(&bytes, b"cba\0");
    free.call(&mut store, reversed).unwrap();

    // The program initializes a reactor by itself.
    let output = Command::new(env!("CARGO_BIN_EXE_palisade"))
        .env("XDG_CACHE_HOME", env!("CARGO_TARGET_TMPDIR"))
        .args(["run", "--invoke", "is_ready"])
        .arg(path("reactor"))
        .output()
        .unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stdout), "42\n");
    assert!(output.status.success());
}

/// The README's first command.
#[test]
fn wordcount() {
    let dir = tempfile::tempdir().expect("temporary directory");
    fs::write(dir.path().join("text"), "to be or\nnot to be\n").expect("written");
    let stdout = "      2 lines       6 words       19 bytes  text\n\
                  4 distinct words; the 2 most frequent:\n      2  be\n      2  to\n";
    let args = &["-n", "2", "text"];
    Run { name: "wordcount", args, dir: Some((dir.path(), ".")), stdout, ..Run::default() }.check();
}
