//! Files as such: appending, positions, flags, allocation, syncing, numbers, and listings in small buffers.

use crate::guest::Guest;
use crate::{
    ALL, BADF, CREAT, DIRECTORY, FD_READ, INVAL, NOENT, NOTDIR, NOTSUP, READ, SPIPE, TRUNC, WRITE,
    with_directory,
};
use std::collections::BTreeSet;
use std::fs;

const FBIG: i32 = 22;

/// `$fdflags`.
const APPEND: i64 = 1;
const DSYNC: i64 = 2;
const NONBLOCK: i64 = 4;
const SYNC: i64 = 16;

fn open_with(guest: &mut Guest, path: &str, oflags: i64, rights: i64, fdflags: i64) -> i64 {
    let [at, len] = guest.path(path);
    guest.succeed("path_open", &[3, 1, at, len, oflags, rights, 0, fdflags, 8]);
    guest.u32_at(8).into()
}

fn write(guest: &mut Guest, fd: i64, text: &str) {
    guest.put(128, text.as_bytes());
    guest.iovecs(64, &[(128, text.len() as u32)]);
    guest.succeed("fd_write", &[fd, 64, 1, 8]);
    assert_eq!(guest.u32_at(8) as usize, text.len());
}

fn flags(guest: &mut Guest, fd: i64) -> i64 {
    guest.succeed("fd_fdstat_get", &[fd, 0x100]);
    i64::from(guest.bytes(0x102, 1)[0])
}

#[test]
pub(crate) fn appending() {
    let (dir, mut guest) = with_directory();
    let contents = || fs::read_to_string(dir.path().join("file")).unwrap();
    let fd = open_with(&mut guest, "file", 0, READ | WRITE, APPEND);
    assert_eq!(flags(&mut guest, fd), APPEND);
    write(&mut guest, fd, "ab");
    guest.succeed("fd_seek", &[fd, 1, 0, 8]);
    write(&mut guest, fd, "cd");
    assert_eq!(contents(), "0123456789abcd");
    guest.succeed("fd_tell", &[fd, 8]);
    assert_eq!(guest.u64_at(8), 14);
    // Linux appends whatever the offset is, and leaves the position alone.
    guest.iovecs(64, &[(128, 1)]);
    guest.succeed("fd_pwrite", &[fd, 64, 1, 0, 8]);
    assert_eq!(contents(), "0123456789abcdc");
    guest.succeed("fd_tell", &[fd, 8]);
    assert_eq!(guest.u64_at(8), 14);
    guest.succeed("fd_pread", &[fd, 64, 1, 2, 8]);
    assert_eq!(guest.bytes(128, 1), b"2");

    guest.succeed("fd_fdstat_set_flags", &[fd, NONBLOCK]);
    assert_eq!(flags(&mut guest, fd), NONBLOCK);
    guest.succeed("fd_seek", &[fd, 0, 0, 8]);
    write(&mut guest, fd, "xy");
    assert_eq!(contents(), "xy23456789abcdc");
    guest.fail("fd_fdstat_set_flags", &[fd, SYNC], INVAL);
    guest.fail("fd_fdstat_set_flags", &[fd, 32], INVAL);
    guest.fail("fd_fdstat_set_flags", &[3, 0], BADF);
    guest.fail("fd_fdstat_set_flags", &[1, 0], NOTSUP);
    guest.fail("fd_fdstat_set_flags", &[99, 0], BADF);
    let fd = open_with(&mut guest, "file", 0, READ, SYNC);
    assert_eq!(flags(&mut guest, fd) & SYNC, SYNC);
    let fd = open_with(&mut guest, "file", 0, READ, DSYNC);
    assert_eq!(flags(&mut guest, fd), DSYNC);
}

#[test]
pub(crate) fn sizes_and_positions() {
    let (dir, mut guest) = with_directory();
    let len = || fs::metadata(dir.path().join("file")).unwrap().len();
    let fd = guest.open("file", 0, READ | WRITE).unwrap();
    guest.succeed("fd_allocate", &[fd, 0, 100]);
    assert_eq!(len(), 100);
    guest.succeed("fd_allocate", &[fd, 10, 10]);
    assert_eq!(len(), 100);
    guest.succeed("fd_allocate", &[fd, 90, 20]);
    assert_eq!(len(), 110);
    guest.fail("fd_allocate", &[fd, 0, 0], INVAL);
    guest.fail("fd_allocate", &[fd, -1, 1], FBIG);
    guest.fail("fd_allocate", &[fd, i64::MAX, 1], INVAL);
    guest.fail("fd_allocate", &[3, 0, 0], BADF);
    guest.fail("fd_allocate", &[1, 0, 1], SPIPE);
    guest.fail("fd_filestat_set_size", &[fd, -1], INVAL);
    guest.fail("fd_filestat_set_size", &[3, 0], BADF);
    guest.succeed("fd_filestat_set_size", &[fd, 200]);
    assert_eq!(len(), 200);

    // Past the end there is nothing to read, and writing there leaves a hole.
    guest.iovecs(64, &[(128, 4)]);
    guest.succeed("fd_seek", &[fd, 1000, 2, 8]);
    assert_eq!(guest.u64_at(8), 1200);
    guest.succeed("fd_read", &[fd, 64, 1, 8]);
    assert_eq!(guest.u32_at(8), 0);
    guest.succeed("fd_pread", &[fd, 64, 1, 5000, 8]);
    assert_eq!(guest.u32_at(8), 0);
    write(&mut guest, fd, "end");
    assert_eq!(len(), 1203);
    guest.fail("fd_seek", &[fd, i64::MAX, 1, 8], INVAL);
    guest.fail("fd_seek", &[3, 0, 0, 8], BADF);
    guest.fail("fd_tell", &[3, 8], BADF);
    guest.fail("fd_seek", &[0, 0, 1, 8], SPIPE);
    guest.fail("fd_pread", &[0, 64, 1, 0, 8], SPIPE);
    for fd in [3, 99] {
        guest.iovecs(64, &[(128, 4)]);
        guest.fail("fd_read", &[fd, 64, 1, 8], BADF);
        guest.fail("fd_write", &[fd, 64, 1, 8], BADF);
        guest.fail("fd_pread", &[fd, 64, 1, 0, 8], BADF);
        guest.fail("fd_pwrite", &[fd, 64, 1, 0, 8], BADF);
    }
}

#[test]
fn syncing_and_advice() {
    let (_dir, mut guest) = with_directory();
    let fd = guest.open("file", 0, READ | WRITE).unwrap();
    let sub = guest.open("sub", DIRECTORY, 1 | 1 << 4).unwrap();
    for fd in [fd, 3, sub, 1] {
        guest.succeed("fd_sync", &[fd]);
        guest.succeed("fd_datasync", &[fd]);
    }
    for fd in [0, 99] {
        let errno = if fd == 0 { INVAL } else { BADF };
        guest.fail("fd_sync", &[fd], errno);
        guest.fail("fd_datasync", &[fd], errno);
    }
    for advice in 0..6 {
        guest.succeed("fd_advise", &[fd, 0, 0, advice]);
    }
    guest.fail("fd_advise", &[fd, 0, 0, 6], INVAL);
    guest.fail("fd_advise", &[fd, -1, 0, 0], INVAL);
    guest.fail("fd_advise", &[fd, 0, -1, 0], INVAL);
    guest.fail("fd_advise", &[3, 0, 0, 0], BADF);
    guest.fail("fd_advise", &[1, 0, 0, 0], SPIPE);
}

/// A file is made, and opened to be read, without the right to write it, as by Linux; and one that
/// exists need not be writable for that.
#[test]
pub(crate) fn creating_without_writing() {
    let (dir, mut guest) = with_directory();
    let fd = guest.open("new", CREAT, FD_READ).unwrap();
    guest.iovecs(64, &[(128, 4)]);
    guest.fail("fd_write", &[fd, 64, 1, 8], BADF);
    let fd = guest.open("none", CREAT, 0).unwrap();
    guest.fail("fd_read", &[fd, 64, 1, 8], BADF);
    assert!(dir.path().join("none").exists());
    guest.open("file", CREAT | TRUNC, 0).unwrap();
    assert_eq!(fs::metadata(dir.path().join("file")).unwrap().len(), 0);
}

#[test]
fn numbers_of_descriptors() {
    let (dir, mut guest) = with_directory();
    fs::write(dir.path().join("other"), "other").unwrap();
    let [one, two] = ["file", "other"].map(|path| guest.open(path, 0, READ).unwrap());
    guest.fail("fd_renumber", &[one, 50], BADF);
    guest.fail("fd_renumber", &[50, one], BADF);
    guest.fail("fd_renumber", &[one, 0xffff_ffff], BADF);
    guest.succeed("fd_renumber", &[one, one]);
    guest.succeed("fd_renumber", &[one, two]);
    guest.fail("fd_fdstat_get", &[one, 0x100], BADF);
    guest.iovecs(64, &[(128, 2)]);
    guest.succeed("fd_read", &[two, 64, 1, 8]);
    assert_eq!(guest.bytes(128, 2), b"01");
    // The number just freed is the next.
    assert_eq!(guest.open("other", 0, READ), Ok(one));
    // Over a stream, and over a preopened directory, which is then none any more.
    guest.succeed("fd_renumber", &[two, 1]);
    guest.fail("fd_write", &[1, 64, 1, 8], BADF);
    guest.succeed("fd_read", &[1, 64, 1, 8]);
    let sub = guest.open_at(3, "sub", DIRECTORY, ALL & !WRITE, ALL).unwrap();
    guest.succeed("fd_renumber", &[sub, 3]);
    guest.fail("fd_prestat_get", &[3, 8], BADF);
    assert_eq!(guest.open("file", 0, READ), Err(NOENT));
    guest.succeed("fd_close", &[3]);
    guest.fail("fd_close", &[3], BADF);
    guest.fail("fd_readdir", &[1, 0x1000, 64, 0, 8], NOTDIR);
}

/// What is in a buffer of entries: cookie and name of those that are whole.
pub(crate) fn entries(guest: &mut Guest, cookie: u64, len: i64) -> (Vec<(u64, String)>, usize) {
    const BUFFER: usize = 0x1000;
    guest.succeed("fd_readdir", &[3, BUFFER as i64, len, cookie as i64, 8]);
    let used = guest.u32_at(8) as usize;
    let (mut at, mut found) = (BUFFER, Vec::new());
    while at + 24 <= BUFFER + used {
        let name_len = guest.u32_at(at + 16) as usize;
        if at + 24 + name_len > BUFFER + used {
            break;
        }
        let name = String::from_utf8(guest.bytes(at + 24, name_len).to_vec()).unwrap();
        found.push((guest.u64_at(at), name));
        at += 24 + name_len;
    }
    (found, used)
}

#[test]
pub(crate) fn cookies() {
    let (dir, mut guest) = with_directory();
    for i in 0..20 {
        fs::write(dir.path().join(format!("entry-{i}")), "").unwrap();
    }
    let (all, used) = entries(&mut guest, 0, 0x4000);
    assert_eq!(all.len(), 24);
    assert!(used < 0x4000);
    assert_eq!(all.iter().map(|(cookie, _)| cookie).collect::<BTreeSet<_>>().len(), 24);
    // From each cookie on, forwards and backwards, and again after the end.
    for i in (0..24).chain((0..24).rev()) {
        let (rest, _) = entries(&mut guest, all[i].0, 0x4000);
        assert_eq!(rest, all[i + 1..], "from entry {i}");
    }
    // Buffers of every size up to an entry: as much of it as there is room for.
    for len in 0..24 + all[0].1.len() as i64 {
        assert_eq!(entries(&mut guest, 0, len), (vec![], len as usize));
    }
    // What is made and removed meanwhile does not disturb the others.
    let (first, _) = entries(&mut guest, 0, 200);
    let last = first.last().unwrap();
    let gone = all.iter().map(|(_, name)| name).rfind(|name| name.starts_with("entry")).unwrap();
    fs::remove_file(dir.path().join(gone)).unwrap();
    let (rest, _) = entries(&mut guest, last.0, 0x4000);
    let seen: BTreeSet<_> = first.iter().chain(&rest).map(|(_, name)| name).collect();
    assert!(seen.len() >= 23);
    // What is gone may have been read ahead, but not before the listing begins anew.
    assert!(!entries(&mut guest, 0, 0x4000).0.iter().any(|(_, name)| name == gone));
    // Cookies fit into C's `long`. One that was never given is wrong, or leads to the end.
    assert!(all.iter().all(|(cookie, _)| *cookie < 1 << 31));
    guest.fail("fd_readdir", &[3, 0x1000, 64, -1, 8], INVAL);
    guest.succeed("fd_readdir", &[3, 0x1000, 64, 10_000, 8]);
    assert_eq!(guest.u32_at(8), 0);
}

/// More entries than the host keeps positions of.
#[test]
pub(crate) fn many_entries() {
    let (dir, mut guest) = with_directory();
    for i in 0..5000 {
        fs::File::create(dir.path().join(format!("entry-{i}"))).unwrap();
    }
    let (mut seen, mut cookies, mut cookie) = (BTreeSet::new(), vec![], 0);
    loop {
        let (found, used) = entries(&mut guest, cookie, 0x1000);
        let Some(&(last, _)) = found.last() else { break };
        cookie = last;
        cookies.extend(found.iter().map(|(cookie, _)| *cookie));
        seen.extend(found.into_iter().map(|(_, name)| name));
        if used < 0x1000 {
            break;
        }
    }
    assert_eq!((seen.len(), cookies.len()), (5004, 5004));
    // Back to cookies of both kinds.
    for i in [4999, 10, 4500, 4095, 4096, 4094, 0] {
        let (found, _) = entries(&mut guest, cookies[i], 0x100);
        assert_eq!(found[0].0, cookies[i + 1], "after entry {i}");
    }
}
