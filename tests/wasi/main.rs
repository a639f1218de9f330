//! WASI preview 1 as a guest sees it: results, error codes, and what it must not be able to do.
//!
//! Expected error codes are those of the `wasi_snapshot_preview1` witx file, and of Linux for the same system call.

#![forbid(unsafe_code)]

mod determinism;
mod files;
mod guest;
mod hostile;
mod paths;
mod raise;
mod rights;
mod shared;
mod sockets;
mod streams;
mod threads;
mod unstable;
mod waiting;

use guest::{Guest, MEMORY_BYTES};
use palisade::{Engine, Linker, Module, Store};
use palisade_wasi::{
    DirPerms, FilePerms, I32Exit, MemoryInputPipe, MemoryOutputPipe, WasiCtx, WasiCtxBuilder,
};
use std::collections::BTreeSet;
use std::fs;
use tempfile::TempDir;

const BADF: i32 = 8;
const EXIST: i32 = 20;
const FAULT: i32 = 21;
const INVAL: i32 = 28;
const ISDIR: i32 = 31;
const LOOP: i32 = 32;
const NAMETOOLONG: i32 = 37;
const NOENT: i32 = 44;
const NOSPC: i32 = 51;
const NOTDIR: i32 = 54;
const NOTEMPTY: i32 = 55;
const NOTSOCK: i32 = 57;
const NOTSUP: i32 = 58;
const PERM: i32 = 63;
const SPIPE: i32 = 70;
const NOTCAPABLE: i32 = 76;

/// `$oflags`.
const CREAT: i64 = 1;
const DIRECTORY: i64 = 2;
const EXCL: i64 = 4;
const TRUNC: i64 = 8;

/// `$rights`: those to read a file, with all that goes with it.
const READ: i64 = FD_READ | COMMON;
/// Likewise to write it: with allocating and resizing.
const WRITE: i64 = FD_WRITE | 1 << 0 | 1 << 8 | 1 << 22 | COMMON;
const FD_READ: i64 = 1 << 1;
const FD_SEEK: i64 = 1 << 2;
const FD_TELL: i64 = 1 << 5;
const FD_WRITE: i64 = 1 << 6;
/// Seeking, flags, syncing, telling, advice, attributes and polling.
const COMMON: i64 = 0b11_1100 | 1 << 7 | 1 << 21 | 1 << 23 | 1 << 27;
/// All rights of directories and files.
const ALL: i64 = (1 << 28) - 1;

/// Outside of the guest's memory.
const BAD: i64 = 0xffff_fff0;

/// A guest with descriptor 3 on a directory that has the file `file` and the directory `sub`.
fn with_directory() -> (TempDir, Guest) {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("file"), "0123456789").unwrap();
    fs::create_dir(dir.path().join("sub")).unwrap();
    let wasi = WasiCtxBuilder::new()
        .preopened_dir(dir.path(), "/", DirPerms::all(), FilePerms::all())
        .unwrap()
        .build();
    (dir, Guest::new(wasi))
}

fn names(dir: &TempDir) -> BTreeSet<String> {
    let entries = fs::read_dir(dir.path()).unwrap();
    entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

/// Every pointer of every function, one by one, and none of the calls has an effect.
#[test]
fn pointers_are_checked_before_anything_happens() {
    let (dir, mut guest) = with_directory();
    let fd = guest.open("file", 0, READ | WRITE).unwrap();
    let [new, new_len] = guest.path("new");
    let [file, file_len] = guest.path("file");
    let before = names(&dir);
    guest.iovecs(64, &[(128, 4)]);
    let calls: &[(&str, &[i64], &[usize])] = &[
        ("args_sizes_get", &[0, 8], &[0, 1]),
        ("environ_sizes_get", &[0, 8], &[0, 1]),
        ("clock_res_get", &[0, 8], &[1]),
        ("clock_time_get", &[0, 0, 8], &[2]),
        ("random_get", &[0, 8], &[0]),
        ("fd_read", &[fd, 64, 1, 8], &[1, 3]),
        ("fd_pread", &[fd, 64, 1, 0, 8], &[1, 4]),
        ("fd_write", &[fd, 64, 1, 8], &[1, 3]),
        ("fd_pwrite", &[fd, 64, 1, 0, 8], &[1, 4]),
        ("fd_seek", &[fd, 4, 0, 8], &[3]),
        ("fd_tell", &[fd, 8], &[1]),
        ("fd_fdstat_get", &[fd, 8], &[1]),
        ("fd_prestat_get", &[3, 8], &[1]),
        ("fd_prestat_dir_name", &[3, 8, 1], &[1]),
        ("fd_readdir", &[3, 8, 64, 0, 0], &[1, 4]),
        ("fd_filestat_get", &[fd, 8], &[1]),
        ("path_filestat_get", &[3, 0, file, file_len, 8], &[2, 4]),
        ("path_open", &[3, 0, new, new_len, CREAT, WRITE, 0, 0, 8], &[2, 8]),
        ("path_create_directory", &[3, new, new_len], &[1]),
        ("path_remove_directory", &[3, new, new_len], &[1]),
        ("path_unlink_file", &[3, file, file_len], &[1]),
        ("path_rename", &[3, file, file_len, 3, new, new_len], &[1, 4]),
        ("path_link", &[3, 0, file, file_len, 3, new, new_len], &[2, 5]),
        ("path_symlink", &[file, file_len, 3, new, new_len], &[0, 3]),
        ("path_readlink", &[3, file, file_len, 8, 8, 0], &[1, 3, 5]),
        ("poll_oneoff", &[0, 0, 1, 8], &[0, 1, 3]),
    ];
    for (name, args, pointers) in calls {
        for &pointer in *pointers {
            // Wholly outside, and from the last byte on. A path of one byte would fit there.
            for bad in [BAD, MEMORY_BYTES as i64 - 1] {
                let mut args = args.to_vec();
                args[pointer] = bad;
                if *name == "fd_prestat_dir_name" && bad != BAD {
                    continue;
                }
                guest.fail(name, &args, FAULT);
            }
        }
    }
    assert_eq!(names(&dir), before);
    assert_eq!(fs::read(dir.path().join("file")).unwrap(), b"0123456789");
    guest.succeed("fd_tell", &[fd, 8]);
    assert_eq!(guest.u64_at(8), 0);
}

#[test]
fn buffers_are_checked() {
    let stdout = MemoryOutputPipe::new(100);
    let mut guest = Guest::new(WasiCtxBuilder::new().stdout(stdout.clone()).build());
    guest.put(128, b"text");
    let end = MEMORY_BYTES as u32;
    for bad in [(end - 3, 4), (end, 1), (u32::MAX, u32::MAX), (0, u32::MAX)] {
        guest.iovecs(64, &[(128, 4), bad]);
        guest.fail("fd_write", &[1, 64, 2, 8], FAULT);
    }
    for count in [0x1fff_ffff, 0x2000_0000, 0xffff_ffff] {
        guest.fail("fd_write", &[1, 64, count, 8], FAULT);
    }
    assert!(stdout.contents().is_empty());
    // An empty buffer may lie at the very end; many buffers may be written in part.
    guest.iovecs(64, &[(end, 0), (128, 4)]);
    guest.succeed("fd_write", &[1, 64, 2, 8]);
    assert_eq!((guest.u32_at(8), stdout.contents()), (4, b"text".to_vec()));
}

#[test]
fn streams() {
    let stdout = MemoryOutputPipe::new(6);
    let stdin = MemoryInputPipe::new("abcdef");
    let mut guest = Guest::new(WasiCtxBuilder::new().stdin(stdin).stdout(stdout.clone()).build());
    guest.iovecs(64, &[(128, 2), (136, 3)]);
    guest.succeed("fd_read", &[0, 64, 2, 8]);
    assert_eq!(guest.u32_at(8), 5);
    assert_eq!((guest.bytes(128, 2), guest.bytes(136, 3)), (&b"ab"[..], &b"cde"[..]));
    guest.succeed("fd_write", &[1, 64, 2, 8]);
    guest.succeed("fd_write", &[1, 64, 2, 8]);
    assert_eq!((guest.u32_at(8), stdout.contents()), (1, b"abcdea".to_vec()));
    guest.fail("fd_write", &[1, 64, 2, 8], NOSPC);
    guest.succeed("fd_read", &[0, 64, 2, 8]);
    assert_eq!(guest.u32_at(8), 1);
    guest.succeed("fd_read", &[0, 64, 2, 8]);
    assert_eq!(guest.u32_at(8), 0);
    // The directions, and what a stream is not.
    guest.fail("fd_read", &[1, 64, 2, 8], BADF);
    guest.fail("fd_write", &[0, 64, 2, 8], BADF);
    guest.fail("fd_write", &[99, 64, 2, 8], BADF);
    guest.fail("fd_seek", &[1, 0, 0, 8], SPIPE);
    guest.fail("fd_prestat_get", &[1, 8], BADF);
}

#[test]
fn overlapping_buffers_of_a_read() {
    let wasi = WasiCtxBuilder::new().stdin(MemoryInputPipe::new("abcdef")).build();
    let mut guest = Guest::new(wasi);
    guest.iovecs(64, &[(128, 4), (130, 4)]);
    guest.succeed("fd_read", &[0, 64, 2, 8]);
    assert_eq!((guest.u32_at(8), guest.bytes(128, 6)), (4, &b"abcd\0\0"[..]));
}

#[test]
fn files() {
    let (dir, mut guest) = with_directory();
    let fd = guest.open("file", 0, READ | WRITE).unwrap();
    guest.iovecs(64, &[(128, 4)]);
    guest.succeed("fd_pread", &[fd, 64, 1, 8, 8]);
    assert_eq!((guest.u32_at(8), guest.bytes(128, 4)), (2, &b"89\0\0"[..]));
    guest.succeed("fd_seek", &[fd, -3, 2, 8]);
    assert_eq!(guest.u64_at(8), 7);
    guest.succeed("fd_read", &[fd, 64, 1, 8]);
    assert_eq!((guest.u32_at(8), guest.bytes(128, 4)), (3, &b"789\0"[..]));
    guest.succeed("fd_seek", &[fd, 20, 0, 8]);
    guest.succeed("fd_write", &[fd, 64, 1, 8]);
    guest.succeed("fd_tell", &[fd, 8]);
    assert_eq!(guest.u64_at(8), 24);
    guest.succeed("fd_pwrite", &[fd, 64, 1, 0, 8]);
    let written = fs::read(dir.path().join("file")).unwrap();
    assert_eq!(written, b"789\x00456789\0\0\0\0\0\0\0\0\0\x00789\0");
    for (offset, whence) in [(-1, 0), (-100, 1), (-100, 2), (0, 3)] {
        guest.fail("fd_seek", &[fd, offset, whence, 8], INVAL);
    }
    guest.fail("fd_pread", &[fd, 64, 1, -1, 8], INVAL);
    guest.succeed("fd_filestat_set_size", &[fd, 5]);
    guest.succeed("fd_filestat_get", &[fd, 0x100]);
    assert_eq!((guest.bytes(0x110, 1)[0], guest.u64_at(0x120)), (4, 5));

    guest.succeed("fd_close", &[fd]);
    guest.fail("fd_close", &[fd], BADF);
    guest.fail("fd_read", &[fd, 64, 1, 8], BADF);
}

#[test]
fn ways_to_open() {
    let (dir, mut guest) = with_directory();
    std::os::unix::fs::symlink("file", dir.path().join("link")).unwrap();
    std::os::unix::fs::symlink("loop", dir.path().join("loop")).unwrap();
    assert_eq!(guest.open("none", 0, READ), Err(NOENT));
    assert_eq!(guest.open("file", CREAT | EXCL, WRITE), Err(EXIST));
    assert_eq!(guest.open("file", DIRECTORY, READ), Err(NOTDIR));
    assert_eq!(guest.open("file/below", 0, READ), Err(NOTDIR));
    assert_eq!(guest.open("sub", 0, READ | WRITE), Err(ISDIR));
    assert_eq!(guest.open("sub", DIRECTORY | CREAT, READ), Err(INVAL));
    assert_eq!(guest.open("loop", 0, READ), Err(LOOP));
    assert_eq!(guest.open("file", 0x10, READ), Err(INVAL));
    assert_eq!(guest.open(&"a".repeat(5000), 0, READ), Err(NAMETOOLONG));
    assert_eq!(guest.open("nul\0", 0, READ), Err(INVAL));
    let [at, len] = guest.path("link");
    guest.fail("path_open", &[3, 0, at, len, 0, READ, 0, 0, 8], LOOP);

    guest.iovecs(64, &[(128, 4)]);
    let reading = guest.open("link", 0, READ).unwrap();
    guest.fail("fd_write", &[reading, 64, 1, 8], BADF);
    let writing = guest.open("file", TRUNC, WRITE).unwrap();
    guest.fail("fd_read", &[writing, 64, 1, 8], BADF);
    assert_eq!(fs::metadata(dir.path().join("file")).unwrap().len(), 0);
    // Numbers are given out lowest first, and one number can take the place of another.
    assert_eq!((reading, writing), (4, 5));
    guest.succeed("fd_renumber", &[writing, reading]);
    guest.fail("fd_close", &[writing], BADF);
    guest.succeed("fd_write", &[reading, 64, 1, 8]);
    guest.fail("fd_renumber", &[reading, 1000], BADF);
    assert_eq!(guest.open("new", CREAT | EXCL, READ | WRITE), Ok(5));
}

#[test]
fn no_way_out_of_a_directory() {
    let outer = tempfile::tempdir().unwrap();
    fs::write(outer.path().join("secret"), "secret").unwrap();
    let inner = outer.path().join("inner");
    fs::create_dir_all(inner.join("sub")).unwrap();
    std::os::unix::fs::symlink("../secret", inner.join("up")).unwrap();
    std::os::unix::fs::symlink(outer.path().join("secret"), inner.join("absolute")).unwrap();
    std::os::unix::fs::symlink("..", inner.join("parent")).unwrap();
    let mut guest = Guest::new(
        WasiCtxBuilder::new()
            .preopened_dir(&inner, "/", DirPerms::all(), FilePerms::all())
            .unwrap()
            .build(),
    );
    let absolute = outer.path().join("secret");
    let ways = ["../secret", "sub/../../secret", "up", "absolute", "parent/secret", "/etc/passwd"];
    let [new, new_len] = guest.path("new");
    for way in ways.into_iter().chain([absolute.to_str().unwrap()]) {
        for (oflags, rights) in [(0, READ), (CREAT, WRITE), (TRUNC, WRITE), (0, WRITE)] {
            assert_eq!(guest.open(way, oflags, rights), Err(NOTCAPABLE), "{way}");
        }
        let [at, len] = guest.path(way);
        guest.fail("path_filestat_get", &[3, 1, at, len, 0x100], NOTCAPABLE);
    }
    for way in ["../made", "parent/made", "/made"] {
        let [at, len] = guest.path(way);
        let [sub, sub_len] = guest.path("sub");
        guest.fail("path_create_directory", &[3, at, len], NOTCAPABLE);
        guest.fail("path_rename", &[3, sub, sub_len, 3, at, len], NOTCAPABLE);
        guest.fail("path_link", &[3, 0, sub, sub_len, 3, at, len], NOTCAPABLE);
        guest.fail("path_symlink", &[sub, sub_len, 3, at, len], NOTCAPABLE);
    }
    for way in ["../secret", "parent/secret"] {
        let [at, len] = guest.path(way);
        guest.fail("path_unlink_file", &[3, at, len], NOTCAPABLE);
        guest.fail("path_rename", &[3, at, len, 3, new, new_len], NOTCAPABLE);
        guest.fail("path_link", &[3, 0, at, len, 3, new, new_len], NOTCAPABLE);
    }
    // A link that leads out can be made, as on any system; only following it is refused.
    let [target, target_len] = guest.path("../secret");
    guest.succeed("path_symlink", &[target, target_len, 3, new, new_len]);
    assert_eq!(guest.open("new", 0, READ), Err(NOTCAPABLE));
    // An absolute target would name a file of the host, and is not shown either.
    let [target, target_len] = guest.path("/etc/passwd");
    let [at, len] = guest.path("other");
    guest.fail("path_symlink", &[target, target_len, 3, at, len], NOTCAPABLE);
    let [at, len] = guest.path("absolute");
    guest.fail("path_readlink", &[3, at, len, 0x100, 100, 8], NOTCAPABLE);
    assert_eq!(fs::read(outer.path().join("secret")).unwrap(), b"secret");
    assert!(!outer.path().join("made").exists());
}

#[test]
fn names_and_links() {
    let (dir, mut guest) = with_directory();
    let [file, file_len] = guest.path("file");
    let [sub, sub_len] = guest.path("sub");
    let [new, new_len] = guest.path("sub/new");
    guest.fail("path_create_directory", &[3, sub, sub_len], EXIST);
    guest.fail("path_remove_directory", &[3, file, file_len], NOTDIR);
    guest.fail("path_unlink_file", &[3, sub, sub_len], ISDIR);
    guest.succeed("path_rename", &[3, file, file_len, 3, new, new_len]);
    guest.fail("path_rename", &[3, file, file_len, 3, new, new_len], NOENT);
    guest.fail("path_remove_directory", &[3, sub, sub_len], NOTEMPTY);
    guest.succeed("path_link", &[3, 0, new, new_len, 3, file, file_len]);
    guest.succeed("path_unlink_file", &[3, new, new_len]);
    guest.succeed("path_symlink", &[file, file_len, 3, new, new_len]);
    guest.succeed("path_readlink", &[3, new, new_len, 0x100, 3, 8]);
    assert_eq!((guest.u32_at(8), guest.bytes(0x100, 4)), (3, &b"fil\0"[..]));
    guest.succeed("path_unlink_file", &[3, new, new_len]);
    guest.succeed("path_remove_directory", &[3, sub, sub_len]);
    assert_eq!(names(&dir), BTreeSet::from(["file".to_string()]));
}

/// With buffers that hold no entry, one, and many; and again from each cookie.
#[test]
fn listing_a_directory() {
    const BUFFER: usize = 0x1000;
    let (dir, mut guest) = with_directory();
    for i in 0..50 {
        fs::write(dir.path().join(format!("entry-{i}")), "").unwrap();
    }
    let mut expected = names(&dir);
    expected.extend([".".to_string(), "..".to_string()]);
    for len in [60, 100, 0x1000] {
        let mut seen = BTreeSet::new();
        let mut cookie = 0;
        loop {
            guest.succeed("fd_readdir", &[3, BUFFER as i64, len, cookie, 8]);
            let used = guest.u32_at(8) as usize;
            assert!(used as i64 <= len);
            let mut at = BUFFER;
            while at + 24 <= BUFFER + used {
                let name_len = guest.u32_at(at + 16) as usize;
                if at + 24 + name_len > BUFFER + used {
                    break;
                }
                let name = String::from_utf8(guest.bytes(at + 24, name_len).to_vec()).unwrap();
                assert!(seen.insert(name.clone()), "{name} a second time");
                cookie = guest.u64_at(at) as i64;
                at += 24 + name_len;
            }
            if (used as i64) < len {
                break;
            }
        }
        assert_eq!(seen, expected, "buffer of {len}");
    }
    guest.fail("fd_readdir", &[0, BUFFER as i64, 100, 0, 8], NOTDIR);
}

#[test]
fn arguments_and_environment() {
    let mut builder = WasiCtxBuilder::new();
    builder.args(&["program", "", "é"]).env("KEY", "value");
    let mut guest = Guest::new(builder.build());
    guest.succeed("args_sizes_get", &[0, 4]);
    assert_eq!((guest.u32_at(0), guest.u32_at(4)), (3, 12));
    guest.succeed("args_get", &[0, 0x100]);
    assert_eq!([0, 4, 8].map(|at| guest.u32_at(at)), [0x100, 0x108, 0x109]);
    assert_eq!(guest.bytes(0x100, 12), b"program\0\0\xc3\xa9\0");
    guest.succeed("environ_sizes_get", &[0, 4]);
    assert_eq!((guest.u32_at(0), guest.u32_at(4)), (1, 10));
    guest.succeed("environ_get", &[0, 0x100]);
    assert_eq!(guest.bytes(0x100, 10), b"KEY=value\0");
    guest.fail("args_get", &[0, MEMORY_BYTES as i64 - 11], FAULT);
    guest.fail("args_get", &[MEMORY_BYTES as i64 - 11, 0x100], FAULT);
}

#[test]
fn preopened_directories() {
    let (_dir, mut guest) = with_directory();
    guest.succeed("fd_prestat_get", &[3, 0]);
    assert_eq!((guest.u32_at(0), guest.u32_at(4)), (0, 1));
    guest.succeed("fd_prestat_dir_name", &[3, 0x100, 1]);
    assert_eq!(guest.bytes(0x100, 1), b"/");
    guest.fail("fd_prestat_dir_name", &[3, 0x100, 0], NAMETOOLONG);
    guest.fail("fd_prestat_get", &[4, 0], BADF);
}

#[test]
fn clocks_and_randomness() {
    let mut guest = Guest::new(WasiCtxBuilder::new().build());
    for clock in [0, 1, 2, 3] {
        guest.succeed("clock_time_get", &[clock, 0, 0]);
        guest.succeed("clock_time_get", &[clock, 0, 8]);
        assert!(guest.u64_at(0) <= guest.u64_at(8), "clock {clock}");
        guest.succeed("clock_res_get", &[clock, 0]);
        assert!((1..1_000_000_000).contains(&guest.u64_at(0)), "clock {clock}");
    }
    guest.fail("clock_time_get", &[4, 0, 0], INVAL);
    guest.succeed("random_get", &[0x100, 32]);
    assert_ne!(guest.bytes(0x100, 32), [0; 32]);
    guest.succeed("random_get", &[0, MEMORY_BYTES as i64]);
    guest.fail("random_get", &[0, MEMORY_BYTES as i64 + 1], FAULT);
    guest.fail("random_get", &[1, 0xffff_ffff], FAULT);
}

#[test]
fn exit() {
    let engine = Engine::default();
    let module = Module::new(
        &engine,
        r#"(module
            (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
            (func (export "_start") (call $exit (i32.const -1)) (unreachable)))"#,
    )
    .unwrap();
    let mut linker = Linker::new(&engine);
    palisade_wasi::add_to_linker(&mut linker, |wasi: &mut WasiCtx| wasi).unwrap();
    let mut store = Store::new(&engine, WasiCtxBuilder::new().build());
    let instance = linker.instantiate(&mut store, &module).unwrap();
    let start = instance.get_typed_func::<(), ()>(&mut store, "_start").unwrap();
    let error = start.call(&mut store, ()).unwrap_err();
    assert_eq!(error.downcast_ref::<I32Exit>(), Some(&I32Exit(-1)));
}

#[test]
fn guests_without_a_memory_to_use() {
    for (memory, expected) in [
        ("", "exports no memory named `memory`"),
        (r#"(func (export "memory"))"#, "export `memory` is not a memory"),
    ] {
        let error = first_call(memory).unwrap_err();
        assert!(format!("{error:#}").contains(expected), "{error:#}");
    }
}

/// Calls WASI from a guest that has only this to export.
fn first_call(memory: &str) -> palisade::Result<i32> {
    let engine = Engine::default();
    let text = format!(
        r#"(module
            (import "wasi_snapshot_preview1" "sched_yield" (func $yield (result i32)))
            {memory}
            (func (export "run") (result i32) (call $yield)))"#
    );
    let module = Module::new(&engine, text).unwrap();
    let mut linker = Linker::new(&engine);
    palisade_wasi::add_to_linker(&mut linker, |wasi: &mut WasiCtx| wasi).unwrap();
    let mut store = Store::new(&engine, WasiCtxBuilder::new().build());
    let instance = linker.instantiate(&mut store, &module).unwrap();
    let run = instance.get_typed_func::<(), i32>(&mut store, "run").unwrap();
    run.call(&mut store, ())
}
