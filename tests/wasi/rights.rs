//! Rights, which the guest gives up, and permissions, which the embedder never gave.

use crate::guest::Guest;
use crate::{
    ALL, BADF, CREAT, DIRECTORY, FD_READ, FD_SEEK, FD_TELL, FD_WRITE, ISDIR, NOTCAPABLE, NOTDIR,
    PERM, READ, TRUNC, WRITE, with_directory,
};
use palisade_wasi::{DirPerms, FilePerms, WasiCtxBuilder};
use std::fs;

const PATH_CREATE_DIRECTORY: i64 = 1 << 9;
const PATH_CREATE_FILE: i64 = 1 << 10;
const PATH_OPEN: i64 = 1 << 13;
const FD_READDIR: i64 = 1 << 14;
const PATH_FILESTAT_SET_SIZE: i64 = 1 << 19;
const FD_FILESTAT_GET: i64 = 1 << 21;
const POLL: i64 = 1 << 27;

#[test]
pub(crate) fn a_descriptor_has_the_rights_it_was_opened_with() {
    let (_dir, mut guest) = with_directory();
    let fd = guest.open("file", 0, FD_READ | FD_TELL).unwrap();
    assert_eq!(guest.rights(fd), (FD_READ | FD_TELL, 0));
    guest.iovecs(64, &[(128, 4)]);
    guest.succeed("fd_read", &[fd, 64, 1, 8]);
    guest.succeed("fd_tell", &[fd, 8]);
    guest.succeed("fd_seek", &[fd, 0, 1, 8]);
    guest.fail("fd_seek", &[fd, 0, 0, 8], NOTCAPABLE);
    guest.fail("fd_pread", &[fd, 64, 1, 0, 8], NOTCAPABLE);
    guest.fail("fd_filestat_get", &[fd, 0x200], NOTCAPABLE);
    guest.fail("fd_sync", &[fd], NOTCAPABLE);
    guest.fail("fd_datasync", &[fd], NOTCAPABLE);
    guest.fail("fd_advise", &[fd, 0, 0, 0], NOTCAPABLE);
    guest.fail("fd_filestat_set_times", &[fd, 0, 0, 0], NOTCAPABLE);
    guest.fail("fd_filestat_set_size", &[fd, 0], NOTCAPABLE);
    guest.fail("fd_allocate", &[fd, 0, 1], NOTCAPABLE);
    guest.fail("fd_fdstat_set_flags", &[fd, 0], NOTCAPABLE);
    // As on Linux, a file that was not opened to be written is a bad descriptor to write to.
    guest.fail("fd_write", &[fd, 64, 1, 8], BADF);

    // Rights of a directory mean nothing to a file, and the other way round.
    let fd = guest.open("file", 0, FD_READ | FD_READDIR | PATH_OPEN).unwrap();
    assert_eq!(guest.rights(fd), (FD_READ, 0));
    let fd = guest.open_at(3, "sub", DIRECTORY, ALL & !FD_WRITE, ALL).unwrap();
    let (base, inheriting) = guest.rights(fd);
    assert_eq!((base & (FD_SEEK | FD_TELL | FD_READ | FD_WRITE), inheriting), (0, ALL));
    assert_eq!(guest.open("sub", DIRECTORY, ALL), Err(ISDIR));
    // Bits that are no rights are left out.
    let fd = guest.open_at(3, "file", 0, -1, -1).unwrap();
    assert_eq!(guest.rights(fd).0 & !ALL, 0);
}

#[test]
fn rights_only_shrink() {
    let (_dir, mut guest) = with_directory();
    let fd = guest.open("file", 0, READ | WRITE).unwrap();
    let (base, _) = guest.rights(fd);
    guest.fail("fd_fdstat_set_rights", &[99, 0, 0], BADF);
    guest.fail("fd_fdstat_set_rights", &[fd, base | FD_READDIR, 0], NOTCAPABLE);
    guest.fail("fd_fdstat_set_rights", &[fd, base, FD_READ], NOTCAPABLE);
    guest.iovecs(64, &[(128, 4)]);
    guest.succeed("fd_write", &[fd, 64, 1, 8]);
    let rest = base & !(FD_READ | FD_WRITE);
    guest.succeed("fd_fdstat_set_rights", &[fd, rest, 0]);
    assert_eq!(guest.rights(fd), (rest, 0));
    // Given up, not never had: another error than that of the file above.
    guest.fail("fd_write", &[fd, 64, 1, 8], NOTCAPABLE);
    guest.fail("fd_read", &[fd, 64, 1, 8], NOTCAPABLE);
    guest.succeed("fd_seek", &[fd, 0, 0, 8]);
    guest.fail("fd_fdstat_set_rights", &[fd, base, 0], NOTCAPABLE);
    guest.succeed("fd_fdstat_set_rights", &[fd, 0, 0]);
    guest.fail("fd_seek", &[fd, 0, 0, 8], NOTCAPABLE);
    guest.succeed("fd_fdstat_get", &[fd, 0x100]);
    guest.succeed("fd_close", &[fd]);
}

#[test]
fn rights_are_passed_on() {
    let (dir, mut guest) = with_directory();
    fs::write(dir.path().join("sub/inner"), "inner").unwrap();
    let (base, _) = guest.rights(3);
    let reading = FD_READ | FD_SEEK | FD_FILESTAT_GET | POLL;
    let sub = guest.open_at(3, "sub", DIRECTORY, PATH_OPEN, PATH_OPEN | reading).unwrap();
    assert_eq!(guest.rights(sub), (PATH_OPEN, PATH_OPEN | reading));
    let fd = guest.open_at(sub, "inner", 0, reading, 0).unwrap();
    assert_eq!(guest.rights(fd), (reading, 0));
    assert_eq!(guest.open_at(sub, "inner", 0, reading | FD_WRITE, 0), Err(NOTCAPABLE));
    assert_eq!(guest.open_at(sub, ".", DIRECTORY, 0, reading | FD_WRITE), Err(NOTCAPABLE));
    assert_eq!(guest.open_at(sub, "new", CREAT, 0, 0), Err(NOTCAPABLE));
    assert_eq!(guest.open_at(sub, "inner", TRUNC, 0, 0), Err(NOTCAPABLE));
    assert_eq!(guest.open_at(fd, "inner", 0, 0, 0), Err(NOTDIR));
    let [at, len] = guest.path("new");
    guest.fail("path_create_directory", &[sub, at, len], NOTCAPABLE);
    guest.fail("fd_readdir", &[sub, 0x200, 64, 0, 8], NOTCAPABLE);

    // Each right of a directory, given up one by one.
    assert_eq!(guest.open("file", TRUNC, 0), Ok(6));
    guest.succeed("fd_fdstat_set_rights", &[3, base & !PATH_FILESTAT_SET_SIZE, ALL]);
    assert_eq!(guest.open("file", TRUNC, WRITE), Err(NOTCAPABLE));
    let base = base & !(PATH_FILESTAT_SET_SIZE | PATH_CREATE_FILE);
    guest.succeed("fd_fdstat_set_rights", &[3, base, ALL]);
    assert_eq!(guest.open("new", CREAT, WRITE), Err(NOTCAPABLE));
    guest.succeed("fd_fdstat_set_rights", &[3, base & !PATH_CREATE_DIRECTORY, ALL]);
    assert_eq!(guest.at("path_create_directory", "new", &[]), NOTCAPABLE);
    guest.succeed("fd_fdstat_set_rights", &[3, 0, 0]);
    let [file, file_len] = guest.path("file");
    let calls: &[(&str, &[i64])] = &[
        ("path_open", &[3, 0, file, file_len, 0, 0, 0, 0, 8]),
        ("path_filestat_get", &[3, 0, file, file_len, 0x200]),
        ("path_filestat_set_times", &[3, 0, file, file_len, 0, 0, 0]),
        ("path_remove_directory", &[3, file, file_len]),
        ("path_unlink_file", &[3, file, file_len]),
        ("path_rename", &[3, file, file_len, 3, at, len]),
        ("path_link", &[3, 0, file, file_len, 3, at, len]),
        ("path_symlink", &[file, file_len, 3, at, len]),
        ("path_readlink", &[3, file, file_len, 0x200, 8, 8]),
        ("fd_readdir", &[3, 0x200, 64, 0, 8]),
        ("fd_filestat_get", &[3, 0x200]),
        ("fd_filestat_set_times", &[3, 0, 0, 0]),
        ("fd_sync", &[3]),
        ("fd_datasync", &[3]),
    ];
    for (name, args) in calls {
        guest.fail(name, args, NOTCAPABLE);
    }
    assert!(!dir.path().join("new").exists());
}

/// A file is truncated also when it is opened for reading only, or for nothing, as by Linux.
#[test]
fn truncation() {
    let (dir, mut guest) = with_directory();
    for rights in [0, READ, WRITE] {
        fs::write(dir.path().join("file"), "0123456789").unwrap();
        let fd = guest.open("file", TRUNC, rights).unwrap();
        assert_eq!(fs::read(dir.path().join("file")).unwrap(), b"");
        guest.succeed("fd_close", &[fd]);
    }
}

#[test]
fn a_directory_that_is_read_only() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("file"), "0123456789").unwrap();
    fs::create_dir(dir.path().join("sub")).unwrap();
    std::os::unix::fs::symlink("file", dir.path().join("link")).unwrap();
    let other = tempfile::tempdir().unwrap();
    let mut builder = WasiCtxBuilder::new();
    builder.preopened_dir(dir.path(), "/", DirPerms::READ, FilePerms::READ).unwrap();
    builder.preopened_dir(other.path(), "/other", DirPerms::all(), FilePerms::all()).unwrap();
    let mut guest = Guest::new(builder.build());

    // What changes nothing.
    let fd = guest.open("file", 0, READ).unwrap();
    guest.iovecs(64, &[(128, 4)]);
    guest.succeed("fd_read", &[fd, 64, 1, 8]);
    assert_eq!(guest.bytes(128, 4), b"0123");
    guest.succeed("fd_readdir", &[3, 0x200, 64, 0, 8]);
    assert_eq!(guest.at("path_readlink", "link", &[0x200, 8, 8]), 0);
    let [file, file_len] = guest.path("file");
    guest.succeed("path_filestat_get", &[3, 0, file, file_len, 0x200]);

    // What would, also through a directory opened below.
    let sub = guest.open_at(3, "sub", DIRECTORY, ALL & !FD_WRITE, ALL).unwrap();
    let [new, new_len] = guest.path("new");
    for dir in [3, sub] {
        assert_eq!(guest.open_at(dir, "file", 0, WRITE, 0), Err(PERM));
        assert_eq!(guest.open_at(dir, "file", TRUNC, 0, 0), Err(PERM));
        assert_eq!(guest.open_at(dir, "new", CREAT, READ, 0), Err(PERM));
        for (name, args) in [
            ("path_create_directory", vec![dir, new, new_len]),
            ("path_remove_directory", vec![dir, new, new_len]),
            ("path_unlink_file", vec![dir, file, file_len]),
            ("path_rename", vec![dir, file, file_len, dir, new, new_len]),
            ("path_rename", vec![dir, file, file_len, 4, new, new_len]),
            ("path_rename", vec![4, file, file_len, dir, new, new_len]),
            ("path_link", vec![dir, 0, file, file_len, dir, new, new_len]),
            ("path_link", vec![dir, 0, file, file_len, 4, new, new_len]),
            ("path_symlink", vec![file, file_len, dir, new, new_len]),
            ("path_filestat_set_times", vec![dir, 1, file, file_len, 0, 0, 0]),
            ("fd_filestat_set_times", vec![dir, 0, 0, 0]),
        ] {
            guest.fail(name, &args, PERM);
        }
    }
    guest.fail("fd_filestat_set_times", &[fd, 0, 0, 1], PERM);
    guest.fail("fd_write", &[fd, 64, 1, 8], BADF);
    assert_eq!(fs::read(dir.path().join("file")).unwrap(), b"0123456789");
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 3);
}

/// Files whose contents are read-only in a directory that is not.
#[test]
fn permissions_of_files_and_directories() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("file"), "0123456789").unwrap();
    let mut builder = WasiCtxBuilder::new();
    builder.preopened_dir(dir.path(), "/", DirPerms::all(), FilePerms::READ).unwrap();
    builder.preopened_dir(dir.path(), "/all", DirPerms::all(), FilePerms::all()).unwrap();
    builder.preopened_dir(dir.path(), "/none", DirPerms::empty(), FilePerms::empty()).unwrap();
    builder.preopened_dir(dir.path(), "/write", DirPerms::READ, FilePerms::WRITE).unwrap();
    let mut guest = Guest::new(builder.build());
    assert_eq!(guest.open("file", 0, WRITE), Err(PERM));
    assert_eq!(guest.open("file", TRUNC, READ), Err(PERM));
    assert_eq!(guest.at("path_create_directory", "new", &[]), 0);
    // A link or new name there would make the file one that can be written.
    let [file, file_len] = guest.path("file");
    let [name, name_len] = guest.path("name");
    guest.fail("path_link", &[3, 0, file, file_len, 4, name, name_len], PERM);
    guest.fail("path_rename", &[3, file, file_len, 4, name, name_len], PERM);
    guest.succeed("path_link", &[4, 0, file, file_len, 3, name, name_len]);
    // Nothing at all.
    assert_eq!(guest.open_at(5, "file", 0, 0, 0), Err(PERM));
    guest.fail("fd_readdir", &[5, 0x200, 64, 0, 8], PERM);
    guest.fail("path_filestat_get", &[5, 0, file, file_len, 0x200], PERM);
    guest.fail("path_readlink", &[5, file, file_len, 0x200, 8, 8], PERM);
    // Only writing.
    assert_eq!(guest.open_at(6, "file", 0, READ, 0), Err(PERM));
    guest.open_at(6, "file", 0, WRITE, 0).unwrap();
}
