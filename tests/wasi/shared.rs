//! Guests whose memory is shared, and guests that share a context.
//!
//! For one that has only one thread, nothing is different.

use crate::guest::{Guest, MEMORY_BYTES, with_shared_memory};
use crate::{READ, files, hostile, paths, rights, sockets, streams, unstable, waiting};
use palisade_wasi::{
    DirPerms, FilePerms, MemoryInputPipe, MemoryOutputPipe, WasiCtx, WasiCtxBuilder,
};
use std::collections::BTreeSet;
use std::fs;
use std::sync::Mutex;

#[test]
fn what_others_do() {
    let tests: &[fn()] = &[
        crate::pointers_are_checked_before_anything_happens,
        crate::buffers_are_checked,
        crate::streams,
        crate::files,
        crate::ways_to_open,
        crate::no_way_out_of_a_directory,
        crate::names_and_links,
        crate::listing_a_directory,
        crate::arguments_and_environment,
        crate::preopened_directories,
        crate::clocks_and_randomness,
        files::appending,
        files::sizes_and_positions,
        files::creating_without_writing,
        files::cookies,
        files::many_entries,
        paths::ends_of_paths,
        rights::a_descriptor_has_the_rights_it_was_opened_with,
        sockets::a_connection,
        streams::readers_and_writers,
        streams::wrong_counts,
        streams::pipes_in_memory,
        streams::many_buffers,
        unstable::what_differs,
        waiting::times,
        waiting::bounds,
        waiting::files_and_streams,
        waiting::sockets,
        hostile::for_two_seconds,
    ];
    for test in tests {
        with_shared_memory(test);
    }
}

/// Reads and writes of more than goes through the host at once are short, in whatever pieces they are asked for.
#[test]
fn large_transfers() {
    const CALLS: usize = 4;
    let bytes: Vec<u8> = (0..200_000_u32).map(|i| (i % 251) as u8).collect();
    let stdout = MemoryOutputPipe::new(1 << 20);
    let stdin = MemoryInputPipe::new(bytes.clone());
    let wasi = WasiCtxBuilder::new().stdin(stdin).stdout(stdout.clone()).build();
    with_shared_memory(|| {
        let mut guest = Guest::new(wasi);
        // All of its memory, several times: what is read last is what it finds there.
        let piece = MEMORY_BYTES as u32 / 2;
        for call in 0..CALLS {
            guest.iovecs(0, &[(0x100, piece), (0x100, piece), (0x100, piece)]);
            guest.succeed("fd_read", &[0, 0, 3, 0x80]);
            let count = guest.u32_at(0x80) as usize;
            let read = bytes.chunks(1 << 16).nth(call).unwrap();
            assert_eq!(count, read.len());
            let last = read.chunks(piece as usize).next_back().unwrap();
            assert_eq!(guest.bytes(0x100, last.len()), last);
        }
        guest.iovecs(0, &[(0x100, piece), (0x100, piece), (0x100, piece)]);
        guest.succeed("fd_write", &[1, 0, 3, 0x80]);
        assert_eq!(guest.u32_at(0x80), 1 << 16);
        assert_eq!(stdout.contents().len(), 1 << 16);
        assert_eq!(&stdout.contents()[..piece as usize], guest.bytes(0x100, piece as usize));
        // Randomness comes in full.
        guest.succeed("random_get", &[0, MEMORY_BYTES as i64]);
        assert!(guest.bytes(MEMORY_BYTES - 64, 64).iter().any(|&byte| byte != 0));
    });
}

const GUESTS: usize = 4;

/// Runs `f` on several threads at once, each with a guest of its own; what they return.
fn together<R: Send>(wasi: &WasiCtx, f: impl Fn(&mut Guest) -> R + Sync) -> Vec<R> {
    std::thread::scope(|scope| {
        let threads: Vec<_> =
            (0..GUESTS).map(|_| scope.spawn(|| f(&mut Guest::new(wasi.clone())))).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    })
}

fn directory() -> (tempfile::TempDir, WasiCtx) {
    let dir = tempfile::tempdir().unwrap();
    let wasi = WasiCtxBuilder::new()
        .preopened_dir(dir.path(), "/", DirPerms::all(), FilePerms::all())
        .unwrap()
        .build();
    (dir, wasi)
}

/// Each at its own place in one listing.
#[test]
fn listing_one_directory() {
    let (dir, wasi) = directory();
    for i in 0..100 {
        fs::write(dir.path().join(format!("entry-{i}")), "").unwrap();
    }
    let seen = together(&wasi, |guest| {
        let (mut seen, mut cookie) = (BTreeSet::new(), 0);
        loop {
            let (found, used) = files::entries(guest, cookie, 200);
            cookie = found.last().map_or(cookie, |(last, _)| *last);
            seen.extend(found.into_iter().map(|(_, name)| name));
            if used < 200 {
                return seen;
            }
        }
    });
    assert!(seen.iter().all(|names| names.len() == 102), "{seen:?}");
}

/// There is one position, and every byte is read once.
#[test]
fn reading_one_file() {
    const LEN: usize = 4000;
    let (dir, wasi) = directory();
    let bytes: Vec<u8> = (0..LEN).map(|i| i as u8).collect();
    fs::write(dir.path().join("file"), &bytes).unwrap();
    let fd = Guest::new(wasi.clone()).open("file", 0, READ).unwrap();
    let read = together(&wasi, |guest| {
        guest.iovecs(64, &[(128, 3)]);
        let mut read = Vec::new();
        loop {
            guest.succeed("fd_read", &[fd, 64, 1, 8]);
            match guest.u32_at(8) as usize {
                0 => return read,
                count => read.extend_from_slice(guest.bytes(128, count)),
            }
        }
    });
    let (mut read, mut bytes) = (read.concat(), bytes);
    read.sort_unstable();
    bytes.sort_unstable();
    assert_eq!(read, bytes);
}

/// A number stands for one descriptor at a time.
#[test]
fn opening_and_closing() {
    let (dir, wasi) = directory();
    fs::write(dir.path().join("file"), "x").unwrap();
    let open = Mutex::new(BTreeSet::new());
    together(&wasi, |guest| {
        for _ in 0..500 {
            let fd = guest.open("file", 0, READ).unwrap();
            assert!((4..4 + GUESTS as i64).contains(&fd), "the lowest that is free");
            assert!(open.lock().unwrap().insert(fd));
            assert!(open.lock().unwrap().remove(&fd));
            guest.succeed("fd_close", &[fd]);
        }
    });
}

/// Closing and replacing descriptors that others are using gives them an error or what was there, and never something
/// that nobody has opened.
#[test]
fn descriptors_that_come_and_go() {
    let (dir, wasi) = directory();
    for name in ["a", "b"] {
        fs::write(dir.path().join(name), name.repeat(10)).unwrap();
    }
    together(&wasi, |guest| {
        guest.iovecs(64, &[(128, 10)]);
        for i in 0..200 {
            // Numbers 4 to 7 belong to nobody in particular.
            let fd = 4 + i % GUESTS as i64;
            match guest.call("fd_pread", &[fd, 64, 1, 0, 8]) {
                0 => {
                    let read = guest.bytes(128, 10);
                    assert!(read == b"aaaaaaaaaa" || read == b"bbbbbbbbbb", "{read:?}");
                }
                errno => assert_eq!(errno, crate::BADF),
            }
            // Whether that succeeds depends on the others.
            match i % 5 {
                0 => guest.call("fd_close", &[fd]),
                1 => guest.call("fd_renumber", &[fd, 4]),
                2 => guest.call("fd_fdstat_get", &[fd, 0x200]),
                3 => guest.open("a", 0, READ).map_or_else(|errno| errno, |_| 0),
                _ => guest.open("b", 0, READ).map_or_else(|errno| errno, |_| 0),
            };
        }
    });
}
