//! WASI as a guest sees it: the time of its calls, and of the system calls behind them.
//!
//! Both contenders work on the same files, and wasmtime is told to block the thread, as its own program does: otherwise
//! each of its calls would go to another thread.

use super::embedding::each;
use crate::contender::Sampler;
use std::cell::OnceCell;
use std::fs;
use std::path::Path;
use tempfile::TempDir;

const KERNEL: &str = include_str!("../../kernels/wasi.wat");

/// Bytes of a chunk, and chunks: 1 GiB in all.
const CHUNK: i32 = 64 << 10;
const CHUNKS: i32 = 16 << 10;

/// One-byte writes, opened files, and entries of a directory.
const WRITES: u32 = 1_000_000;
const OPENS: u32 = 100_000;
const ENTRIES: u32 = 10_000;

/// Where both work; made when it is first needed. Files go when it drops.
#[derive(Default)]
pub(crate) struct Files(OnceCell<TempDir>);

impl Files {
    fn path(&self) -> &Path {
        let make = || {
            let dir = tempfile::tempdir().expect("a temporary directory");
            fs::write(dir.path().join("file"), "").expect("a file");
            fs::create_dir(dir.path().join("many")).expect("a directory");
            for i in 0..ENTRIES {
                fs::write(dir.path().join(format!("many/entry-{i}")), "").expect("a file");
            }
            dir
        };
        self.0.get_or_init(make).path()
    }
}

/// What is measured: a name, operations in a sample, what is opened before, by a function of the guest, and the call.
#[derive(Clone, Copy)]
pub(crate) struct Work {
    pub(crate) name: &'static str,
    operations: u32,
    open: &'static str,
    call: Call,
}

#[derive(Clone, Copy)]
enum Call {
    Write(i32, i32),
    Read,
    List,
    OpenClose,
}

const fn work(name: &'static str, operations: u32, open: &'static str, call: Call) -> Work {
    Work { name, operations, open, call }
}

/// All that is measured.
pub(crate) const WORK: [Work; 7] = [
    work("write 1 GiB", 1, "open_file", Call::Write(CHUNK, CHUNKS)),
    work("write 1 GiB /dev/null", 1, "open_null", Call::Write(CHUNK, CHUNKS)),
    work("read 1 GiB", 1, "open_file", Call::Read),
    work("write 1 byte", WRITES, "open_file", Call::Write(1, WRITES as i32)),
    work("write 1 byte /dev/null", WRITES, "open_null", Call::Write(1, WRITES as i32)),
    work("readdir, an entry", ENTRIES, "open_many", Call::List),
    work("open and close", OPENS, "open_many", Call::OpenClose),
];

/// Everything but the types' names is the same on both sides.
macro_rules! side {
    ($side:ident, $engine:ident, $context:ty, $add:expr, $make:expr) => {
        pub(super) fn $side(files: &Files, work: Work) -> Sampler {
            use $engine::{Engine, Linker, Module, Store};
            let engine = Engine::default();
            let binary = wat::parse_str(KERNEL).expect("valid");
            let module = Module::new(&engine, binary).expect("valid");
            let mut linker: Linker<$context> = Linker::new(&engine);
            $add(&mut linker).expect("no duplicates");
            let mut store = Store::new(&engine, $make(files.path()));
            let instance = linker.instantiate(&mut store, &module).expect("it links");
            let open = instance.get_typed_func::<(), i32>(&mut store, work.open).expect("exported");
            let fd = open.call(&mut store, ()).expect("it opens");
            match work.call {
                Call::Write(chunk, count) => {
                    let write =
                        instance.get_typed_func::<(i32, i32, i32), i64>(&mut store, "write");
                    let rewind = instance.get_typed_func::<i32, ()>(&mut store, "rewind");
                    let (write, rewind) = (write.expect("exported"), rewind.expect("exported"));
                    Box::new(move || {
                        // What has no position is written to all the same.
                        let _ = rewind.call(&mut store, fd);
                        each(work.operations, || {
                            write.call(&mut store, (fd, chunk, count)).map_err(|e| e.to_string())
                        })
                    })
                }
                Call::Read => {
                    let read = instance.get_typed_func::<(i32, i32), i64>(&mut store, "read");
                    let read = read.expect("exported");
                    Box::new(move || {
                        each(work.operations, || {
                            read.call(&mut store, (fd, CHUNK)).map_err(|e| e.to_string())
                        })
                    })
                }
                Call::List => {
                    let list = instance.get_typed_func::<i32, i64>(&mut store, "list");
                    let list = list.expect("exported");
                    Box::new(move || {
                        each(work.operations, || {
                            list.call(&mut store, fd).map_err(|e| e.to_string())
                        })
                    })
                }
                Call::OpenClose => {
                    let run = instance.get_typed_func::<i32, i64>(&mut store, "open_close");
                    let run = run.expect("exported");
                    Box::new(move || {
                        each(work.operations, || {
                            run.call(&mut store, OPENS as i32).map_err(|e| e.to_string())
                        })
                    })
                }
            }
        }
    };
}

side!(
    ours,
    palisade,
    palisade_wasi::WasiCtx,
    |linker| palisade_wasi::add_to_linker(linker, |wasi: &mut palisade_wasi::WasiCtx| wasi),
    |dir: &Path| {
        use palisade_wasi::{DirPerms, FilePerms, WasiCtxBuilder};
        let mut builder = WasiCtxBuilder::new();
        let (dirs, files) = (DirPerms::all(), FilePerms::all());
        builder.preopened_dir(dir, "/", dirs, files).expect("a directory");
        builder.preopened_dir("/dev", "/dev", dirs, files).expect("a directory");
        builder.build()
    }
);

side!(
    theirs,
    wasmtime,
    wasmtime_wasi::p1::WasiP1Ctx,
    |linker| wasmtime_wasi::p1::add_to_linker_sync(
        linker,
        |wasi: &mut wasmtime_wasi::p1::WasiP1Ctx| wasi
    ),
    |dir: &Path| {
        use wasmtime_wasi::{FsPerms, WasiCtxBuilder};
        let mut builder = WasiCtxBuilder::new();
        builder.allow_blocking_current_thread(true);
        let perms = FsPerms::ReadWrite;
        builder.preopened_dir(dir, "/", perms).expect("a directory");
        builder.preopened_dir("/dev", "/dev", perms).expect("a directory");
        builder.build_p1()
    }
);
