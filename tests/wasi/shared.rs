//! Guests whose memory is shared. For one that has only one thread, nothing is different.

use crate::guest::{Guest, MEMORY_BYTES, with_shared_memory};
use crate::{files, hostile, paths, rights, sockets, streams, unstable, waiting};
use palisade_wasi::{MemoryInputPipe, MemoryOutputPipe, WasiCtxBuilder};

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
