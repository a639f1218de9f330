//! `wasi_unstable`, the snapshot before preview 1: the same functions but for a few layouts and numbers.

use crate::guest::Guest;
use crate::{CREAT, INVAL, READ, WRITE};
use palisade_wasi::{DirPerms, FilePerms, MemoryInputPipe, WasiCtxBuilder};
use std::fs;
use std::os::unix::fs::MetadataExt;

#[test]
pub(crate) fn what_differs() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("file"), "0123456789").unwrap();
    fs::hard_link(dir.path().join("file"), dir.path().join("second")).unwrap();
    let mut builder = WasiCtxBuilder::new();
    builder.preopened_dir(dir.path(), "/", DirPerms::all(), FilePerms::all()).unwrap();
    builder.stdin(MemoryInputPipe::new("abc"));
    let mut guest = Guest::importing("wasi_unstable", builder.build());

    // The position is counted from: the current one, the end, the start.
    let fd = guest.open("file", 0, READ | WRITE).unwrap();
    for (offset, whence, position) in [(3, 2, 3), (2, 0, 5), (-1, 1, 9)] {
        guest.succeed("fd_seek", &[fd, offset, whence, 8]);
        assert_eq!(guest.u64_at(8), position);
    }
    guest.fail("fd_seek", &[fd, 0, 3, 8], INVAL);
    guest.fail("fd_seek", &[fd, -1, 2, 8], INVAL);
    guest.succeed("fd_tell", &[fd, 8]);

    // `$filestat` of 56 bytes.
    let metadata = fs::metadata(dir.path().join("file")).unwrap();
    let check = |guest: &Guest| {
        assert_eq!([0x200, 0x208].map(|at| guest.u64_at(at)), [metadata.dev(), metadata.ino()]);
        assert_eq!((guest.bytes(0x210, 1)[0], guest.u32_at(0x214)), (4, 2));
        let times = [0x220, 0x228, 0x230].map(|at| guest.u64_at(at) / 1_000_000_000);
        assert_eq!(guest.u64_at(0x218), 10);
        let seconds = [metadata.atime(), metadata.mtime(), metadata.ctime()];
        assert_eq!(times, seconds.map(i64::cast_unsigned));
        assert_eq!(guest.bytes(0x238, 8), [0xff; 8]);
    };
    guest.put(0x238, &[0xff; 8]);
    guest.succeed("fd_filestat_get", &[fd, 0x200]);
    check(&guest);
    guest.put(0x200, &[0; 0x38]);
    assert_eq!(guest.at("path_unlink_file", "none", &[]), crate::NOENT);
    let [at, len] = guest.path("file");
    guest.succeed("path_filestat_get", &[3, 0, at, len, 0x200]);
    check(&guest);

    // `$subscription` of 56 bytes, where a clock has an identifier before its other parts.
    let mut subscriptions = [0; 2 * 56];
    subscriptions[0] = 7;
    subscriptions[16] = 0xff;
    subscriptions[24] = 1;
    subscriptions[32..40].copy_from_slice(&1000_u64.to_le_bytes());
    subscriptions[56] = 8;
    subscriptions[56 + 8] = 1;
    guest.put(0x300, &subscriptions);
    guest.succeed("poll_oneoff", &[0x300, 0x400, 2, 8]);
    let events = guest.u32_at(8);
    assert!((1..=2).contains(&events));
    let at = 0x400 + 32 * (events as usize - 1);
    assert_eq!((guest.u64_at(at), guest.bytes(at + 10, 1)[0], guest.u64_at(at + 16)), (8, 1, 3));
    guest.succeed("poll_oneoff", &[0x300, 0x400, 1, 8]);
    assert_eq!((guest.u64_at(0x400), guest.u32_at(0x408)), (7, 0));

    // And what does not differ.
    guest.open("new", CREAT, WRITE).unwrap();
    assert!(dir.path().join("new").exists());
}
