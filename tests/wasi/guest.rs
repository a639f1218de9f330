//! A guest that passes every call of its host on to WASI, so that a test can be a guest with any arguments.

use palisade::{Engine, Instance, Linker, Module, Result, SharedMemory, Store, Val, ValType};
use palisade_wasi::{WasiCtx, add_to_linker};
use std::cell::Cell;
use std::fmt::Write;

/// Each function with its parameters: `i` is an `i32` and `I` an `i64`. All return an error code.
pub(crate) const FUNCTIONS: &[(&str, &str)] = &[
    ("args_get", "ii"),
    ("args_sizes_get", "ii"),
    ("environ_get", "ii"),
    ("environ_sizes_get", "ii"),
    ("clock_res_get", "ii"),
    ("clock_time_get", "iIi"),
    ("random_get", "ii"),
    ("fd_read", "iiii"),
    ("fd_pread", "iiiIi"),
    ("fd_write", "iiii"),
    ("fd_pwrite", "iiiIi"),
    ("fd_seek", "iIii"),
    ("fd_tell", "ii"),
    ("fd_close", "i"),
    ("fd_renumber", "ii"),
    ("fd_fdstat_get", "ii"),
    ("fd_fdstat_set_flags", "ii"),
    ("fd_fdstat_set_rights", "iII"),
    ("fd_sync", "i"),
    ("fd_datasync", "i"),
    ("fd_advise", "iIIi"),
    ("fd_allocate", "iII"),
    ("fd_prestat_get", "ii"),
    ("fd_prestat_dir_name", "iii"),
    ("fd_readdir", "iiiIi"),
    ("fd_filestat_get", "ii"),
    ("fd_filestat_set_size", "iI"),
    ("fd_filestat_set_times", "iIIi"),
    ("path_filestat_set_times", "iiiiIIi"),
    ("path_filestat_get", "iiiii"),
    ("path_open", "iiiiiIIii"),
    ("path_create_directory", "iii"),
    ("path_remove_directory", "iii"),
    ("path_unlink_file", "iii"),
    ("path_rename", "iiiiii"),
    ("path_link", "iiiiiii"),
    ("path_symlink", "iiiii"),
    ("path_readlink", "iiiiii"),
    ("poll_oneoff", "iiii"),
    ("sched_yield", ""),
    ("sock_recv", "iiiiii"),
    ("sock_send", "iiiii"),
    ("sock_shutdown", "ii"),
    ("proc_raise", "i"),
    (ACCEPT, "iii"),
];

/// The only function that `wasi_unstable` does not have.
const ACCEPT: &str = "sock_accept";

/// Bytes of the guest's memory.
pub(crate) const MEMORY_BYTES: usize = 65536;

/// Where [`Guest::path`] puts paths.
const PATHS: usize = 0x8000;

thread_local! {
    /// Whether guests made by this thread have a shared memory.
    static SHARED: Cell<bool> = const { Cell::new(false) };
}

/// Runs a test with guests that have a shared memory.
pub(crate) fn with_shared_memory(test: impl FnOnce()) {
    SHARED.set(true);
    test();
    SHARED.set(false);
}

enum Memory {
    Own(palisade::Memory),
    Shared(SharedMemory),
}

pub(crate) struct Guest {
    pub(crate) store: Store<WasiCtx>,
    instance: Instance,
    memory: Memory,
    /// What is in a shared memory after each call.
    copy: Vec<u8>,
    next_path: usize,
    /// Whether it imports from `wasi_unstable`.
    unstable: bool,
}

impl Guest {
    pub(crate) fn new(wasi: WasiCtx) -> Guest {
        Guest::importing("wasi_snapshot_preview1", wasi)
    }

    /// A guest of the snapshot of WASI that is in the module of this name.
    pub(crate) fn importing(snapshot: &str, wasi: WasiCtx) -> Guest {
        let engine = Engine::default();
        let shared = SHARED.get();
        let module = Module::new(&engine, text(snapshot, shared)).unwrap();
        let mut linker = Linker::new(&engine);
        add_to_linker(&mut linker, |wasi: &mut WasiCtx| wasi).unwrap();
        let mut store = Store::new(&engine, wasi);
        let instance = linker.instantiate(&mut store, &module).unwrap();
        let (memory, copy) = if shared {
            let memory = instance.get_shared_memory(&mut store, "memory").unwrap();
            (Memory::Shared(memory), vec![0; MEMORY_BYTES])
        } else {
            (Memory::Own(instance.get_memory(&mut store, "memory").unwrap()), Vec::new())
        };
        let unstable = snapshot == "wasi_unstable";
        Guest { store, instance, memory, copy, next_path: PATHS, unstable }
    }

    /// Whether its snapshot of WASI has the function.
    pub(crate) fn has(&self, name: &str) -> bool {
        !(self.unstable && name == ACCEPT)
    }

    /// The size of `$subscription`.
    pub(crate) fn subscription_bytes(&self) -> usize {
        if self.unstable { 56 } else { 48 }
    }

    /// Calls a function of WASI and gives its error code. Arguments for `i32` are cut to 32 bits.
    pub(crate) fn call(&mut self, name: &str, args: &[i64]) -> i32 {
        self.try_call(name, args).unwrap()
    }

    pub(crate) fn try_call(&mut self, name: &str, args: &[i64]) -> Result<i32> {
        let func = self.instance.get_func(&mut self.store, name).unwrap();
        let params = func.ty(&self.store);
        let args: Vec<Val> = params
            .params()
            .zip(args)
            .map(|(ty, &arg)| match ty {
                ValType::I32 => Val::I32(arg as i32),
                _ => Val::I64(arg),
            })
            .collect();
        let mut results = [Val::I32(0)];
        let result = func.call(&mut self.store, &args, &mut results);
        if let Memory::Shared(memory) = &self.memory {
            memory.read(0, &mut self.copy).unwrap();
        }
        result?;
        Ok(results[0].unwrap_i32())
    }

    #[track_caller]
    pub(crate) fn succeed(&mut self, name: &str, args: &[i64]) {
        assert_eq!(self.call(name, args), 0, "{name}{args:?}");
    }

    #[track_caller]
    pub(crate) fn fail(&mut self, name: &str, args: &[i64], errno: i32) {
        assert_eq!(self.call(name, args), errno, "{name}{args:?}");
    }

    pub(crate) fn put(&mut self, at: usize, bytes: &[u8]) {
        match &self.memory {
            Memory::Own(memory) => memory.write(&mut self.store, at, bytes).unwrap(),
            Memory::Shared(memory) => {
                memory.write(at, bytes).unwrap();
                self.copy[at..at + bytes.len()].copy_from_slice(bytes);
            }
        }
    }

    pub(crate) fn bytes(&self, at: usize, len: usize) -> &[u8] {
        match &self.memory {
            Memory::Own(memory) => &memory.data(&self.store)[at..at + len],
            Memory::Shared(_) => &self.copy[at..at + len],
        }
    }

    pub(crate) fn u32_at(&self, at: usize) -> u32 {
        u32::from_le_bytes(self.bytes(at, 4).try_into().unwrap())
    }

    pub(crate) fn u64_at(&self, at: usize) -> u64 {
        u64::from_le_bytes(self.bytes(at, 8).try_into().unwrap())
    }

    /// Puts a path into memory; gives its address and length.
    pub(crate) fn path(&mut self, path: &str) -> [i64; 2] {
        if self.next_path + path.len() > MEMORY_BYTES {
            self.next_path = PATHS;
        }
        let at = self.next_path;
        self.put(at, path.as_bytes());
        self.next_path += path.len();
        [at as i64, path.len() as i64]
    }

    /// Puts an array of iovecs at `at`.
    pub(crate) fn iovecs(&mut self, at: usize, buffers: &[(u32, u32)]) {
        for (i, (pointer, len)) in buffers.iter().enumerate() {
            self.put(at + 8 * i, &pointer.to_le_bytes());
            self.put(at + 8 * i + 4, &len.to_le_bytes());
        }
    }

    /// Opens a path below descriptor 3, following links, and gives the error code or the new descriptor.
    pub(crate) fn open(
        &mut self,
        path: &str,
        oflags: i64,
        rights: i64,
    ) -> std::result::Result<i64, i32> {
        self.open_at(3, path, oflags, rights, 0)
    }

    /// As [`Guest::open`], below any descriptor and with rights that are passed on.
    pub(crate) fn open_at(
        &mut self,
        fd: i64,
        path: &str,
        oflags: i64,
        rights: i64,
        inheriting: i64,
    ) -> std::result::Result<i64, i32> {
        const RESULT: i64 = 0x7ff0;
        let [at, len] = self.path(path);
        match self.call("path_open", &[fd, 1, at, len, oflags, rights, inheriting, 0, RESULT]) {
            0 => Ok(self.u32_at(RESULT as usize).into()),
            errno => Err(errno),
        }
    }

    /// Calls a function that takes a descriptor and a path first, after which come `rest`.
    pub(crate) fn at(&mut self, name: &str, path: &str, rest: &[i64]) -> i32 {
        let [at, len] = self.path(path);
        self.call(name, &[&[3, at, len], rest].concat())
    }

    /// The rights of a descriptor, and those that it passes on.
    pub(crate) fn rights(&mut self, fd: i64) -> (i64, i64) {
        self.succeed("fd_fdstat_get", &[fd, 0x100]);
        (self.u64_at(0x108) as i64, self.u64_at(0x110) as i64)
    }
}

/// Imports each function and exports one that passes its parameters on.
fn text(snapshot: &str, shared: bool) -> String {
    let mut imports = String::new();
    let mut funcs = String::new();
    for (name, params) in FUNCTIONS {
        if snapshot == "wasi_unstable" && *name == ACCEPT {
            continue;
        }
        let types: String =
            params.chars().map(|param| if param == 'i' { " i32" } else { " i64" }).collect();
        let ty = format!("(param{types}) (result i32)");
        writeln!(imports, r#"(import "{snapshot}" "{name}" (func ${name} {ty}))"#).unwrap();
        let gets: String = (0..params.len()).map(|i| format!(" (local.get {i})")).collect();
        writeln!(funcs, r#"(func (export "{name}") {ty} (call ${name}{gets}))"#).unwrap();
    }
    let memory = if shared { "1 1 shared" } else { "1" };
    format!(r#"(module {imports} (memory (export "memory") {memory}) {funcs})"#)
}
