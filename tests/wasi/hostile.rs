//! A guest that passes every function anything at all.
//!
//! Whatever it does, it gets error codes; the host neither panics nor grows, and nothing outside of the preopened
//! directory changes.

use crate::guest::{FUNCTIONS, Guest, MEMORY_BYTES};
use palisade_wasi::{DirPerms, FilePerms, MemoryInputPipe, MemoryOutputPipe, WasiCtxBuilder};
use std::fs;
use std::io::Write as _;
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::{MetadataExt, symlink};
use std::path::Path;
use std::time::{Duration, Instant};

/// How much the process may grow, in bytes.
const GROWTH: u64 = 64 << 20;

/// Most bytes that calls write to files or allocate for them: the file system is not what is tested.
const FILE_BYTES: u64 = 1 << 20;

/// `$fdflags`.
const NONBLOCK: i64 = 4;

#[test]
pub(crate) fn for_two_seconds() {
    run(Duration::from_secs(2), 0x5eed_0001);
}

/// `cargo test -p palisade-tests --test wasi -- --ignored hostile`
#[test]
#[ignore = "takes a minute"]
fn for_a_minute() {
    run(Duration::from_secs(60), 0x5eed_0002);
}

/// Numbers that are the same in each run (xorshift64*, Vigna 2016).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    fn below(&mut self, limit: u64) -> u64 {
        self.next() % limit
    }

    fn pick<T: Copy>(&mut self, items: &[T]) -> T {
        items[self.below(items.len() as u64) as usize]
    }

    /// An argument: a small number, a number near a limit, a place in memory, or any bits.
    fn argument(&mut self) -> i64 {
        const EDGES: [i64; 12] = [
            0,
            1,
            -1,
            i64::MIN,
            i64::MAX,
            0x7fff_ffff,
            0x8000_0000,
            0xffff_ffff,
            MEMORY_BYTES as i64,
            MEMORY_BYTES as i64 - 1,
            MEMORY_BYTES as i64 - 8,
            0x1_0000_0000,
        ];
        match self.below(8) {
            0 | 1 => self.below(8) as i64,
            2 => self.below(40) as i64,
            3 => self.pick(&EDGES),
            4 => 1 << self.below(64),
            5 | 6 => self.below(MEMORY_BYTES as u64) as i64,
            _ => self.next() as i64,
        }
    }
}

/// Paths that a guest might try.
const PATHS: [&str; 24] = [
    "file",
    "dir",
    "dir/inner",
    "dir/../file",
    "../outside/secret",
    "..",
    "/",
    ".",
    "",
    "up",
    "up/secret",
    "absolute",
    "dir/../../outside/secret",
    "new",
    "new/",
    "dir/new",
    "loop",
    "dangling",
    "dir/",
    "./././file",
    "//file",
    "made",
    "made/made",
    "\u{e9}\u{20ac}",
];

fn run(time: Duration, seed: u64) {
    let base = tempfile::tempdir().unwrap();
    let (inside, outside) = (base.path().join("inside"), base.path().join("outside"));
    fs::create_dir_all(inside.join("dir")).unwrap();
    fs::create_dir(&outside).unwrap();
    fs::write(outside.join("secret"), "secret").unwrap();
    fs::write(inside.join("file"), "0123456789").unwrap();
    fs::write(inside.join("dir/inner"), "inner").unwrap();
    symlink("../outside", inside.join("up")).unwrap();
    symlink(outside.join("secret"), inside.join("absolute")).unwrap();
    symlink("loop", inside.join("loop")).unwrap();
    symlink("../outside/made", inside.join("dangling")).unwrap();
    let before = snapshot(&outside);

    let mut random = Random(seed);
    let mut resident = None;
    let end = Instant::now() + time;
    let (mut calls, mut succeeded) = (0_u64, 0_u64);
    while Instant::now() < end {
        let mut guest = new_guest(&inside, &mut random);
        for _ in 0..2000 {
            calls += 1;
            succeeded += u64::from(call(&mut guest, &mut random));
        }
        shrink_files(&inside);
        // What the first guests need, such as threads of the compiler, is not growth.
        if resident.is_none() && calls > 10_000 {
            resident = Some(resident_bytes());
        }
    }
    assert!(succeeded > calls / 100, "{succeeded} of {calls} calls succeeded");
    if let Some(resident) = resident {
        let grown = resident_bytes().saturating_sub(resident);
        assert!(grown < GROWTH, "grew by {grown} bytes in {calls} calls");
        eprintln!("grew by {} KiB", grown >> 10);
    }
    assert_eq!(snapshot(&outside), before);
    eprintln!("{calls} calls, {succeeded} succeeded");
}

fn new_guest(inside: &Path, random: &mut Random) -> Guest {
    let _ = fs::create_dir(inside.join("dir"));
    // The guest may have put a link to the outside in its place, which the host must not follow.
    let file = inside.join("file");
    let _ = fs::remove_file(&file);
    let _ = fs::File::create_new(&file).and_then(|mut file| file.write_all(b"0123456789"));
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let mut client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    client.write_all(&[7; 100]).unwrap();
    let mut builder = WasiCtxBuilder::new();
    builder.args(&["program", "argument"]).env("KEY", "value");
    builder.stdin(MemoryInputPipe::new(vec![5; 1000])).stdout(MemoryOutputPipe::new(1000));
    builder.preopened_dir(inside, "/", DirPerms::all(), FilePerms::all()).unwrap();
    builder.preopened_dir(inside, "/ro", DirPerms::READ, FilePerms::READ).unwrap();
    builder.preopened_socket(listener);
    let snapshot = random.pick(&["wasi_snapshot_preview1", "wasi_unstable"]);
    let mut guest = Guest::importing(snapshot, builder.build());
    let noise: Vec<u8> = (0..MEMORY_BYTES / 8).flat_map(|_| random.next().to_le_bytes()).collect();
    guest.put(0, &noise);
    guest
}

/// Makes one call; whether it succeeded.
fn call(guest: &mut Guest, random: &mut Random) -> bool {
    let (name, params) = loop {
        let (name, params) = random.pick(FUNCTIONS);
        if guest.has(name) {
            break (name, params);
        }
    };
    let mut args: Vec<i64> = params.chars().map(|_| random.argument()).collect();
    // Mostly a descriptor that exists, a path, buffers: so that some calls get further than to their checks.
    if (name.starts_with("fd") || name.starts_with("path") || name.starts_with("sock"))
        && random.below(4) != 0
    {
        args[0] = random.below(8) as i64;
    }
    if name.starts_with("path") && random.below(4) != 0 {
        let starts = match name {
            "path_open" | "path_filestat_get" | "path_filestat_set_times" => vec![2],
            "path_link" => vec![2, 5],
            "path_rename" => vec![1, 4],
            "path_symlink" => vec![0, 3],
            _ => vec![1],
        };
        for at in starts {
            let path = random.pick(&PATHS);
            let place = random.below((MEMORY_BYTES - 64) as u64) as usize;
            guest.put(place, path.as_bytes());
            args[at] = place as i64;
            args[at + 1] = path.len() as i64;
        }
        match name {
            "path_link" | "path_rename" => args[params.len() - 3] = 3 + random.below(2) as i64,
            "path_symlink" => args[2] = 3,
            "path_open" => {
                args[1] = random.below(2) as i64;
                args[4] = random.below(16) as i64;
                args[7] = random.below(8) as i64;
            }
            _ => {}
        }
    }
    match name {
        // Buffers that mostly lie in memory.
        "fd_read" | "fd_write" | "fd_pread" | "fd_pwrite" | "sock_recv" | "sock_send"
            if random.below(4) != 0 =>
        {
            args[1] = random.below(MEMORY_BYTES as u64 / 2) as i64;
            args[2] = random.below(6) as i64;
            let buffers: Vec<(u32, u32)> = (0..args[2])
                .map(|_| (random.below(MEMORY_BYTES as u64) as u32, random.below(5000) as u32))
                .collect();
            guest.iovecs(args[1] as usize, &buffers);
        }
        _ => {}
    }
    match name {
        // Would wait for what never comes, as it should.
        "poll_oneoff" => return poll(guest, random, &args),
        // Sizes and offsets that would fill the disk.
        "fd_allocate" => {
            args[1] = (args[1] as u64 % FILE_BYTES) as i64;
            args[2] = (args[2] as u64 % FILE_BYTES) as i64;
        }
        // Sockets are not to wait for a client that never comes.
        "fd_fdstat_set_flags" => args[1] |= NONBLOCK,
        "sock_accept" => args[1] = NONBLOCK,
        "fd_filestat_set_size" => args[1] = (args[1] as u64 % FILE_BYTES) as i64,
        _ => {}
    }
    // An exit is an error of its own; other errors there must not be.
    match guest.try_call(name, &args) {
        Ok(errno) => {
            assert!((0..=76).contains(&errno), "{name}{args:?} = {errno}");
            errno == 0
        }
        Err(error) => {
            assert!(error.is::<palisade_wasi::I32Exit>(), "{name}{args:?}: {error:?}");
            false
        }
    }
}

/// Polls for random descriptors, and always for a time that is over.
fn poll(guest: &mut Guest, random: &mut Random, args: &[i64]) -> bool {
    const AT: usize = 0x4000;
    let count = random.below(20) as usize;
    for i in 0..=count {
        let mut subscription = [0; 56];
        subscription[8] = if i < count { 1 + random.below(2) as u8 } else { 0 };
        subscription[16] = if i < count { random.below(10) as u8 } else { 1 };
        subscription[24] = random.below(2) as u8;
        guest.put(AT + guest.subscription_bytes() * i, &subscription);
    }
    let mut call = |args: &[i64]| {
        let errno = guest.call("poll_oneoff", args);
        assert!((0..=76).contains(&errno));
        errno == 0
    };
    let sane = call(&[AT as i64, args[1], count as i64 + 1, args[3]]);
    // Counts that cannot be right, of whatever is there.
    sane | call(&[args[0], args[1], -1, args[3]]) | call(&[args[0], args[1], 0, args[3]])
}

/// Names, sizes, contents and times of all that is in a directory.
fn snapshot(dir: &Path) -> Vec<(String, u64, i64, Vec<u8>)> {
    let mut entries: Vec<_> = fs::read_dir(dir)
        .unwrap()
        .map(|entry| {
            let entry = entry.unwrap();
            let metadata = entry.metadata().unwrap();
            let name = entry.file_name().into_string().unwrap();
            let contents = fs::read(entry.path()).unwrap();
            (name, metadata.size(), metadata.mtime(), contents)
        })
        .collect();
    entries.sort();
    entries
}

/// Removes what is large: writes at high offsets leave holes, but the disk is not endless.
fn shrink_files(dir: &Path) {
    for entry in fs::read_dir(dir).unwrap().flatten() {
        let Ok(metadata) = fs::symlink_metadata(entry.path()) else { continue };
        if metadata.is_dir() {
            shrink_files(&entry.path());
        } else if metadata.len() > FILE_BYTES {
            let _ = fs::remove_file(entry.path());
        }
    }
}

/// Memory of this process that is in use now.
fn resident_bytes() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() << 10
}
