//! Paths: trailing slashes, links, and what others do to directories meanwhile.

use crate::guest::Guest;
use crate::{
    CREAT, DIRECTORY, EXIST, FD_READ, INVAL, ISDIR, LOOP, NAMETOOLONG, NOENT, NOTCAPABLE, NOTDIR,
    NOTEMPTY, PERM, READ, TRUNC, WRITE, with_directory,
};
use palisade_wasi::{DirPerms, FilePerms, WasiCtxBuilder};
use std::fs;
use std::os::unix::fs::{MetadataExt, symlink};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

const BUSY: i32 = 10;

/// Each call on names with slashes after them, or of directories: what Linux says.
#[test]
pub(crate) fn ends_of_paths() {
    let (dir, mut guest) = with_directory();
    symlink("file", dir.path().join("to-file")).unwrap();
    symlink("sub", dir.path().join("to-sub")).unwrap();
    symlink("nowhere", dir.path().join("dangling")).unwrap();
    let cases = [
        ("path_create_directory", "new/", 0),
        ("path_create_directory", "new//", EXIST),
        ("path_remove_directory", "new/", 0),
        ("path_create_directory", "new///", 0),
        ("path_remove_directory", "new///", 0),
        ("path_create_directory", "", NOENT),
        ("path_create_directory", ".", EXIST),
        ("path_create_directory", "sub/..", EXIST),
        ("path_create_directory", "..", NOTCAPABLE),
        ("path_create_directory", "/", NOTCAPABLE),
        ("path_create_directory", "file/x", NOTDIR),
        ("path_create_directory", "none/x", NOENT),
        ("path_create_directory", "dangling", EXIST),
        ("path_create_directory", "dangling/", EXIST),
        ("path_create_directory", "dangling/x", NOENT),
        ("path_remove_directory", "file", NOTDIR),
        ("path_remove_directory", "file/", NOTDIR),
        ("path_remove_directory", "to-sub", NOTDIR),
        ("path_remove_directory", "to-sub/", NOTDIR),
        ("path_remove_directory", ".", INVAL),
        ("path_remove_directory", "none/", NOENT),
        ("path_unlink_file", "file/", NOTDIR),
        ("path_unlink_file", "sub", ISDIR),
        ("path_unlink_file", "sub/", ISDIR),
        ("path_unlink_file", ".", ISDIR),
        ("path_unlink_file", "to-sub/", NOTDIR),
        ("path_unlink_file", "dangling/", NOTDIR),
        ("path_unlink_file", "none", NOENT),
        ("path_unlink_file", "file/../none", NOTDIR),
    ];
    for (name, path, errno) in cases {
        assert_eq!(guest.at(name, path, &[]), errno, "{name} {path}");
    }
    for (path, errno) in [
        ("file/", NOTDIR),
        ("to-file/", NOTDIR),
        ("none/", NOENT),
        ("dangling/", NOENT),
        ("to-sub/", INVAL),
        ("sub", INVAL),
        ("file", INVAL),
        (".", INVAL),
        ("", NOENT),
        ("to-sub", 0),
    ] {
        assert_eq!(guest.at("path_readlink", path, &[0x200, 8, 8]), errno, "readlink {path}");
    }
    for (path, follow, filetype) in [
        ("sub/", 0, Ok(3)),
        ("to-sub/", 0, Ok(3)),
        ("to-sub", 0, Ok(7)),
        ("to-sub", 1, Ok(3)),
        ("dangling", 0, Ok(7)),
        ("dangling", 1, Err(NOENT)),
        ("dangling/", 0, Err(NOENT)),
        ("file/", 0, Err(NOTDIR)),
        ("file/.", 0, Err(NOTDIR)),
        ("to-file/", 0, Err(NOTDIR)),
        (".", 0, Ok(3)),
        ("", 0, Err(NOENT)),
        ("", 1, Err(NOENT)),
    ] {
        let [at, len] = guest.path(path);
        let found = match guest.call("path_filestat_get", &[3, follow, at, len, 0x200]) {
            0 => Ok(guest.bytes(0x210, 1)[0]),
            errno => Err(errno),
        };
        assert_eq!(found, filetype, "stat {path} {follow}");
    }
    for (path, oflags, rights, errno) in [
        ("file/", 0, READ, NOTDIR),
        ("none/", 0, READ, NOENT),
        ("none/", CREAT, WRITE, ISDIR),
        ("sub/", CREAT, WRITE, ISDIR),
        ("sub", TRUNC, 0, ISDIR),
        ("to-file/", 0, READ, NOTDIR),
        ("dangling", 0, READ, NOENT),
        ("", 0, READ, NOENT),
        ("dangling/", DIRECTORY, READ, NOENT),
    ] {
        assert_eq!(guest.open(path, oflags, rights), Err(errno), "open {path}");
    }
    // Through a dangling link a file is made where the link points to.
    guest.open("dangling", CREAT, WRITE).unwrap();
    assert!(dir.path().join("nowhere").exists());
}

#[test]
fn names_for_two() {
    let (dir, mut guest) = with_directory();
    symlink("sub", dir.path().join("to-sub")).unwrap();
    symlink("nowhere", dir.path().join("dangling")).unwrap();
    fs::create_dir_all(dir.path().join("full/inner")).unwrap();
    let mut both = |name: &str, old: &str, new: &str| {
        let ([old, old_len], [new, new_len]) = (guest.path(old), guest.path(new));
        match name {
            "path_rename" => guest.call(name, &[3, old, old_len, 3, new, new_len]),
            "path_link" => guest.call(name, &[3, 0, old, old_len, 3, new, new_len]),
            _ => guest.call(name, &[old, old_len, 3, new, new_len]),
        }
    };
    for (name, old, new, errno) in [
        ("path_rename", "file/", "new", NOTDIR),
        ("path_rename", "file", "new/", NOTDIR),
        ("path_rename", "file/", "new/", NOTDIR),
        ("path_rename", "sub/", "new", 0),
        ("path_rename", "new", "sub/", 0),
        ("path_rename", "sub/", "new/", 0),
        ("path_rename", "new", "sub", 0),
        ("path_rename", "to-sub/", "new", NOTDIR),
        ("path_rename", "file", "sub", ISDIR),
        ("path_rename", "sub", "file", NOTDIR),
        ("path_rename", "sub", "full", NOTEMPTY),
        ("path_rename", "sub", "sub/inner", INVAL),
        ("path_rename", ".", "new", BUSY),
        ("path_rename", "none", "new", NOENT),
        ("path_rename", "", "new", NOENT),
        ("path_rename", "file", "", NOENT),
        ("path_rename", "file", "file", 0),
        ("path_rename", "file", "../out", NOTCAPABLE),
        ("path_link", "file", "link/", NOENT),
        ("path_link", "file", "file", EXIST),
        ("path_link", "file", "dangling", EXIST),
        ("path_link", "file", "sub", EXIST),
        ("path_link", "file/", "link", NOTDIR),
        ("path_link", "none/", "link", NOENT),
        ("path_link", "sub", "link", PERM),
        ("path_link", "sub/", "link", PERM),
        ("path_link", "to-sub/", "link", PERM),
        ("path_link", "none", "link", NOENT),
        ("path_link", "dangling", "link", 0),
        ("path_symlink", "target", "new/", NOENT),
        ("path_symlink", "target", "sub/", EXIST),
        ("path_symlink", "target", "sub", EXIST),
        ("path_symlink", "target", "file/", EXIST),
        ("path_symlink", "target", "file", EXIST),
        ("path_symlink", "", "new", NOENT),
        ("path_symlink", "target", "", NOENT),
        ("path_symlink", "/", "new", NOTCAPABLE),
        ("path_symlink", "../..", "new", 0),
    ] {
        assert_eq!(both(name, old, new), errno, "{name} {old} {new}");
    }
    // A link to what a link points to cannot be asked for; other flags are wrong.
    let [at, len] = guest.path("dangling");
    let [new, new_len] = guest.path("newer");
    guest.fail("path_link", &[3, 1, at, len, 3, new, new_len], INVAL);
    guest.fail("path_link", &[3, 2, at, len, 3, new, new_len], INVAL);
    assert!(fs::symlink_metadata(dir.path().join("link")).unwrap().is_symlink());
}

#[test]
fn links() {
    let (dir, mut guest) = with_directory();
    symlink("b", dir.path().join("a")).unwrap();
    symlink("a", dir.path().join("b")).unwrap();
    let mut target = "file".to_string();
    for i in 0..60 {
        let name = format!("chain-{i}");
        symlink(&target, dir.path().join(&name)).unwrap();
        target = name;
    }
    assert_eq!(guest.open("a", 0, READ), Err(LOOP));
    assert_eq!(guest.open("a/x", 0, READ), Err(LOOP));
    assert_eq!(guest.at("path_create_directory", "a/x", &[]), LOOP);
    assert_eq!(guest.open("chain-59", 0, READ), Err(LOOP));
    guest.open("chain-30", 0, READ).unwrap();
    let [at, len] = guest.path("a");
    guest.fail("path_filestat_get", &[3, 1, at, len, 0x200], LOOP);
    guest.succeed("path_filestat_get", &[3, 0, at, len, 0x200]);
    guest.fail("path_open", &[3, 0, at, len, 0, READ, 0, 0, 8], LOOP);
    guest.fail("path_open", &[3, 0, at, len, DIRECTORY, READ, 0, 0, 8], NOTDIR);
    // Cut off, in a buffer of no size, and into the last byte of memory.
    for (len, expected) in [(0, ""), (1, "c"), (8, "chain-58"), (100, "chain-58")] {
        guest.put(0x200, &[0; 16]);
        assert_eq!(guest.at("path_readlink", "chain-59", &[0x200, len, 8]), 0);
        let used = guest.u32_at(8) as usize;
        assert_eq!(guest.bytes(0x200, used), expected.as_bytes());
        assert_eq!(guest.bytes(0x200 + used, 1), [0]);
    }
    let long = "n".repeat(256);
    assert_eq!(guest.open(&long, CREAT, WRITE), Err(NAMETOOLONG));
    assert_eq!(guest.at("path_create_directory", &long, &[]), NAMETOOLONG);
    let deep = "sub/../".repeat(500) + "file";
    guest.open(&deep, 0, READ).unwrap();
}

#[test]
fn times() {
    const ATIM: i64 = 1;
    const ATIM_NOW: i64 = 2;
    const MTIM: i64 = 4;
    const MTIM_NOW: i64 = 8;
    let (dir, mut guest) = with_directory();
    symlink("file", dir.path().join("link")).unwrap();
    symlink("nowhere", dir.path().join("dangling")).unwrap();
    let file = dir.path().join("file");
    let of = |path: &str| {
        let metadata = fs::symlink_metadata(dir.path().join(path)).unwrap();
        (metadata.atime(), metadata.mtime(), metadata.mtime_nsec())
    };
    let second = 1_000_000_000;
    let mut set = |fd: i64, path: &str, follow, times: [i64; 2], flags| {
        let [at, len] = guest.path(path);
        match path {
            "" => guest.call("fd_filestat_set_times", &[fd, times[0], times[1], flags]),
            _ => guest
                .call("path_filestat_set_times", &[fd, follow, at, len, times[0], times[1], flags]),
        }
    };
    assert_eq!(set(3, "file", 0, [5 * second, 7 * second + 9], ATIM | MTIM), 0);
    assert_eq!(of("file"), (5, 7, 9));
    assert_eq!(set(3, "file", 0, [0, 0], MTIM_NOW), 0);
    assert!(of("file").0 == 5 && of("file").1 > 1_600_000_000);
    assert_eq!(set(3, "file", 0, [11 * second, 0], ATIM), 0);
    assert_eq!(of("file").0, 11);
    assert_eq!(set(3, "file", 0, [0, 0], 0), 0);
    for flags in [ATIM | ATIM_NOW, MTIM | MTIM_NOW, 16, 15] {
        assert_eq!(set(3, "file", 0, [0, 0], flags), INVAL);
        assert_eq!(set(3, "", 0, [0, 0], flags), INVAL);
    }
    assert_eq!(of("file").0, 11);
    // The link, what it points to, and where it points to nothing.
    assert_eq!(set(3, "link", 0, [13 * second, 13 * second], ATIM | MTIM), 0);
    assert_eq!((of("link").1, of("file").0), (13, 11));
    assert_eq!(set(3, "link", 1, [17 * second, 17 * second], ATIM | MTIM), 0);
    assert_eq!((of("link").1, of("file").1), (13, 17));
    assert_eq!(set(3, "dangling", 0, [19 * second, 19 * second], MTIM), 0);
    assert_eq!(set(3, "dangling", 1, [0, 0], MTIM), NOENT);
    assert_eq!(set(3, "link/", 0, [0, 0], MTIM), NOTDIR);
    assert_eq!(set(3, "../x", 1, [0, 0], MTIM), NOTCAPABLE);
    // Directories, and a file that may not be opened.
    assert_eq!(set(3, "sub/", 0, [23 * second, 23 * second], MTIM), 0);
    assert_eq!(set(3, "", 0, [29 * second, 29 * second], MTIM), 0);
    assert_eq!((of("sub").1, of("").1), (23, 29));
    let mut permissions = fs::metadata(&file).unwrap().permissions();
    std::os::unix::fs::PermissionsExt::set_mode(&mut permissions, 0);
    fs::set_permissions(&file, permissions).unwrap();
    assert_eq!(set(3, "link", 1, [31 * second, 31 * second], MTIM), 0);
    assert_eq!(of("file").1, 31);
    let fd = guest.open("sub", DIRECTORY, 1 << 23).unwrap();
    guest.succeed("fd_filestat_set_times", &[fd, 0, 37 * second, MTIM]);
    assert_eq!(of("sub").1, 37);
    guest.fail("fd_filestat_set_times", &[0, 0, 0, MTIM], crate::BADF);
}

/// Somebody swaps a directory for a link to the outside, again and again, while the guest opens,
/// makes, renames and removes what is in it.
#[test]
fn a_directory_that_becomes_a_link() {
    let outer = tempfile::tempdir().unwrap();
    let secret = outer.path().join("secret");
    fs::create_dir(&secret).unwrap();
    fs::write(secret.join("file"), "secret").unwrap();
    let inner = outer.path().join("inner");
    fs::create_dir_all(inner.join("real")).unwrap();
    fs::write(inner.join("real/file"), "public").unwrap();
    symlink("../secret", inner.join("fake")).unwrap();
    fs::create_dir(inner.join("place")).unwrap();

    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let swapper = scope.spawn(|| {
            let name = |name: &str| inner.join(name);
            while !stop.load(Ordering::Relaxed) {
                // `sub` is the real directory, nothing, the link, nothing.
                for which in ["real", "fake"] {
                    let _ = fs::rename(name(which), name("sub"));
                    std::thread::yield_now();
                    let _ = fs::rename(name("sub"), name(which));
                }
            }
        });
        let mut builder = WasiCtxBuilder::new();
        builder.preopened_dir(&inner, "/", DirPerms::all(), FilePerms::all()).unwrap();
        let mut guest = Guest::new(builder.build());
        guest.iovecs(64, &[(128, 6)]);
        let end = Instant::now() + Duration::from_secs(1);
        let (mut opened, mut refused) = (0, 0);
        while Instant::now() < end {
            match guest.open("sub/file", 0, FD_READ) {
                Ok(fd) => {
                    opened += 1;
                    guest.succeed("fd_read", &[fd, 64, 1, 8]);
                    assert_eq!(guest.bytes(128, 6), b"public");
                    guest.succeed("fd_close", &[fd]);
                }
                Err(errno) => {
                    refused += i32::from(errno == NOTCAPABLE);
                    assert!([NOENT, NOTCAPABLE].contains(&errno), "{errno}");
                }
            }
            let [made, made_len] = guest.path("sub/made");
            let [file, file_len] = guest.path("sub/file");
            let [place, place_len] = guest.path("place/stolen");
            let _ = guest.call("path_create_directory", &[3, made, made_len]);
            let _ = guest.call("path_remove_directory", &[3, made, made_len]);
            let _ = guest.open("sub/created", CREAT, WRITE).map(|fd| guest.call("fd_close", &[fd]));
            let _ = guest.call("path_link", &[3, 0, file, file_len, 3, place, place_len]);
            let _ = guest.call("path_unlink_file", &[3, place, place_len]);
            let _ = guest.call("path_symlink", &[file, file_len, 3, made, made_len]);
            let _ = guest.call("path_unlink_file", &[3, made, made_len]);
            let _ = guest.call("path_filestat_set_times", &[3, 1, file, file_len, 1, 1, 5]);
        }
        stop.store(true, Ordering::Relaxed);
        swapper.join().unwrap();
        assert!(opened > 0 && refused > 0, "{opened} opened, {refused} refused");
    });
    let left: Vec<_> = fs::read_dir(&secret).unwrap().map(|e| e.unwrap().file_name()).collect();
    assert_eq!(left, ["file"]);
    assert_eq!(fs::read(secret.join("file")).unwrap(), b"secret");
    assert!(fs::metadata(secret.join("file")).unwrap().mtime() > 1_600_000_000);
}
