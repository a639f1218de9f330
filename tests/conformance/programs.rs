//! The programs of `tests/guests/wasi-p1`: what each is given and what must come of it.
//!
//! This is data for two test suites, one that runs the programs through the library (`tests/conformance`) and one that
//! runs them by the command line (`crates/cli/tests/conformance.rs`). A program that is not in the table is not run;
//! both suites check that none is missing.
//!
//! Most programs judge themselves and say so; see `tests/guests/wasi-p1/src/check.h`.

use crate::peers::{self, Peer};
use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::symlink;
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// A program, what it is given, and what it must do with that.
pub(crate) struct Program {
    /// The file, without its extension.
    pub(crate) file: &'static str,
    pub(crate) args: &'static [&'static str],
    pub(crate) env: &'static [(&'static str, &'static str)],
    pub(crate) stdin: Stdin,
    /// What there is before the program starts, with paths next to `root`.
    pub(crate) entries: &'static [Entry],
    pub(crate) preopens: &'static [Preopen],
    /// Who connects to its socket; a program without one has no socket.
    pub(crate) peer: Option<Peer>,
    pub(crate) end: End,
}

impl Program {
    pub(crate) const fn new(file: &'static str) -> Program {
        Program {
            file,
            args: &[],
            env: &[],
            stdin: Stdin::Bytes(b""),
            entries: &[],
            preopens: &[Preopen { host: "root", guest: "/", read_only: false }],
            peer: None,
            end: End::Passed,
        }
    }

    pub(crate) fn path(&self) -> PathBuf {
        directory().join(self.file).with_extension("wasm")
    }
}

#[derive(Clone, Copy)]
pub(crate) enum Stdin {
    Bytes(&'static [u8]),
    /// [`pattern`] of so many bytes.
    Pattern(usize),
    /// Nothing, and no end either. Only a pipe of the system is like this, so these run by the command line alone.
    Silent,
}

pub(crate) enum Entry {
    File(&'static str, &'static str),
    Dir(&'static str),
    /// Target and path.
    Link(&'static str, &'static str),
    /// A socket in the file system.
    Special(&'static str),
}

pub(crate) struct Preopen {
    pub(crate) host: &'static str,
    pub(crate) guest: &'static str,
    pub(crate) read_only: bool,
}

pub(crate) enum End {
    /// Exit code 0, and of each of its tests the program said `ok`.
    Passed,
    Exit {
        code: i32,
        stdout: &'static [u8],
        stderr: &'static str,
    },
    /// Exit code 0, and stdout is what stdin was.
    Copied,
    /// A reactor: these calls give these results, the last one an exit code if it is marked so.
    Calls(&'static [(&'static str, Outcome)]),
}

#[derive(Clone, Copy)]
pub(crate) enum Outcome {
    Returns(i32),
    Exits(i32),
}

/// One line a program: a name for the test, and what differs from [`Program::new`]. Gives it all to the macro `$do`.
macro_rules! for_each_program {
    ($do:ident) => {
        $do! {
            args_get { args: &["", "two words", "日本", "-x=\"'\\\n"] }
            args_fault { args: &["x"], env: &[("A", "1"), ("B", "2")] }
            environ_get { env: &[("FIRST", "1"), ("EMPTY", ""), ("EQUALS", "a=b"), ("NAME", "é ü")] }
            environ_empty {}

            clock_res {}
            clock_monotonic {}
            clock_realtime {}
            clock_cputime {}
            random_get {}

            fd_read {}
            fd_read_iovecs {}
            fd_write {}
            fd_iovecs_many {}
            fd_pread {}
            fd_pwrite {}
            fd_badf {}
            fd_wrong_direction {}
            fd_on_directory {}
            fd_fault {}
            fd_seek {}
            fd_seek_streams {}
            fd_tell {}
            fd_close {}
            fd_renumber {}
            fd_renumber_preopen {}
            fd_fdstat_get {}
            fd_fdstat_set_flags {}
            fd_fdstat_set_rights {}
            rights_of_directories {}
            rights_inheriting {}
            fd_filestat_get {}
            fd_filestat_set_size {}
            fd_filestat_set_times {}
            fd_allocate {}
            fd_advise {}
            fd_sync {}
            fd_prestat {
                entries: &[Entry::Dir("second"), Entry::Dir("third")],
                preopens: &[
                    Preopen { host: "root", guest: "/", read_only: false },
                    Preopen { host: "second", guest: "second", read_only: false },
                    Preopen { host: "third", guest: "/a/long/name with spaces/é", read_only: false },
                ],
            }
            fd_readdir {}
            fd_readdir_cookies {}
            fd_readdir_buffers {}
            fd_readdir_changes {}
            fd_readdir_many {}

            path_create_directory {}
            path_remove_directory {}
            path_unlink_file {}
            path_rename_file {}
            path_rename_directory {}
            path_rename_slashes {}
            path_rename_symlink {}
            path_link {}
            path_symlink {}
            path_readlink {}
            path_open_create {}
            path_open_truncate {}
            path_open_directory {}
            path_open_nofollow {}
            path_open_slash {}
            path_open_append {}
            path_open_sync_flags {}
            path_open_rights {}
            path_names {}
            path_long_names {}
            path_utf8 {}
            path_filestat_get {}
            path_filestat_set_times {}
            open_many {}
            symlink_loops {}
            symlink_dangling {}
            symlink_directories {}

            sandbox_parents {}
            sandbox_absolute {}
            sandbox_links {
                entries: &[
                    Entry::Dir("root/deep"),
                    Entry::Link("../outside", "root/up"),
                    Entry::Link("../outside/secret", "root/up-file"),
                    Entry::Link("../outside/missing", "root/up-missing"),
                    Entry::Link("../../outside", "root/deep/up"),
                    Entry::Link("/etc/passwd", "root/absolute"),
                    Entry::Link("/", "root/absolute-dir"),
                    Entry::Link("deep/up", "root/chain"),
                    Entry::Link("../root", "root/back"),
                    Entry::Link("deep/../file", "root/inside"),
                ],
            }
            sandbox_own_links {}
            sandbox_two_directories {
                entries: &[Entry::Dir("second")],
                preopens: &[
                    Preopen { host: "root", guest: "/", read_only: false },
                    Preopen { host: "second", guest: "/second", read_only: false },
                ],
            }
            sandbox_special_files { entries: &[Entry::Special("root/special")] }
            readonly_directory { entries: READ_ONLY_ENTRIES, preopens: READ_ONLY }
            readonly_libc { entries: READ_ONLY_ENTRIES, preopens: READ_ONLY }

            poll_clock {}
            poll_several {}
            poll_invalid {}
            poll_file {}
            poll_stdin { stdin: Stdin::Bytes(b"hello") }
            poll_stdin_silent { stdin: Stdin::Silent }
            sched_yield {}

            proc_exit_0 { file: "proc_exit", end: End::Exit { code: 0, stdout: b"before\n", stderr: "" } }
            proc_exit_1 {
                file: "proc_exit",
                args: &["1"],
                end: End::Exit { code: 1, stdout: b"before\n", stderr: "" },
            }
            proc_exit_125 {
                file: "proc_exit",
                args: &["125"],
                end: End::Exit { code: 125, stdout: b"before\n", stderr: "" },
            }
            proc_raise {}
            unstable {}

            sock_echo { peer: Some(peers::echo) }
            sock_accept { peer: Some(peers::accept) }
            sock_receive { peer: Some(peers::receive) }
            sock_shutdown { peer: Some(peers::shutdown) }
            sock_not_a_socket { peer: Some(peers::nobody) }
            sock_libc { peer: Some(peers::line) }

            reactor_state {
                env: &[("VALUE", "17")],
                end: End::Calls(&[
                    ("initialized", Outcome::Returns(1)),
                    ("next", Outcome::Returns(1)),
                    ("next", Outcome::Returns(2)),
                    ("append", Outcome::Returns(3)),
                    ("append", Outcome::Returns(6)),
                    ("variable", Outcome::Returns(17)),
                    ("initialized", Outcome::Returns(1)),
                ]),
            }
            reactor_exit { end: End::Calls(&[("end", Outcome::Exits(42))]) }

            stdio_streams {
                end: End::Exit {
                    code: 3,
                    stdout: b"one 1 two 3.250 4\nno newline then one\n\0\xff\x80\nraw\n",
                    stderr: "to stderr\nperror: No such file or directory\n",
                },
            }
            stdin_lines { stdin: Stdin::Bytes("first\n\nthird é\nlast".as_bytes()) }
            stdio_copy_nothing { file: "stdio_copy", end: End::Copied }
            stdio_copy_much { file: "stdio_copy", stdin: Stdin::Pattern(300_000), end: End::Copied }

            libc_access {}
            libc_append {}
            libc_args { args: &["a", "b c", ""], env: &[("A", "1"), ("B", "")] }
            libc_at {}
            libc_chdir {}
            libc_exit {
                end: End::Exit {
                    code: 7,
                    stdout: b"registered second\nregistered first\ndestructor\nstill in its buffer ",
                    stderr: "",
                },
            }
            libc_exit_at_once { end: End::Exit { code: 9, stdout: b"before\n", stderr: "" } }
            libc_fallocate {}
            libc_fopen {}
            libc_ftruncate {}
            libc_large_file {}
            libc_links {}
            libc_long_names {}
            libc_mkdir {}
            libc_open {}
            libc_open_many {}
            libc_poll {}
            libc_readdir {}
            libc_relative_paths {}
            libc_rename {}
            libc_replace {}
            libc_scandir {}
            libc_seek {}
            libc_stat {}
            libc_stdio {}
            libc_time {}
            libc_unlink {}
            libc_utf8_names {}
            libc_utimens {}
            libc_vectors {}
            libc_walk {}
        }
    };
}

const READ_ONLY_ENTRIES: &[Entry] = &[
    Entry::File("root/file", "abc"),
    Entry::Link("file", "root/link"),
    Entry::Dir("root/dir"),
    Entry::File("root/dir/inner", "deep"),
    Entry::Dir("root/empty"),
    Entry::Dir("second"),
];

const READ_ONLY: &[Preopen] = &[
    Preopen { host: "root", guest: "/", read_only: true },
    Preopen { host: "second", guest: "/writable", read_only: false },
];

macro_rules! define_tests {
    ($($name:ident { $($field:ident: $value:expr),* $(,)? })*) => {
        $(
            #[test]
            fn $name() {
                #[allow(clippy::needless_update, reason = "some programs are all defaults")]
                crate::run(&Program { $($field: $value,)* ..Program::new(stringify!($name)) });
            }
        )*

        #[test]
        fn every_program_is_run() {
            let programs = [
                $(Program { $($field: $value,)* ..Program::new(stringify!($name)) }.file),*
            ];
            check_complete(programs.into_iter().collect());
        }
    };
}

for_each_program!(define_tests);

fn directory() -> PathBuf {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().find_map(|dir| {
        let guests = dir.join("tests/guests/wasi-p1");
        guests.is_dir().then_some(guests)
    });
    tests.expect("the programs are in the tree")
}

fn check_complete(in_table: BTreeSet<&str>) {
    let stems = |dir: &Path, extension: &str| -> BTreeSet<String> {
        let files = fs::read_dir(dir).expect("listed").map(|entry| entry.expect("entry").path());
        let files = files.filter(|file| file.extension().is_some_and(|other| other == extension));
        files.map(|file| file.file_stem().unwrap().to_str().unwrap().to_string()).collect()
    };
    let in_table = in_table.into_iter().map(str::to_string).collect();
    assert_eq!(stems(&directory(), "wasm"), in_table, "built programs and the table");
    assert_eq!(stems(&directory().join("src"), "c"), in_table, "sources and the table");
}

/// The directories of one run. Outside of what a program may see there is a file that it must not get at.
pub(crate) struct Fixture(TempDir);

impl Fixture {
    pub(crate) fn new(program: &Program) -> Fixture {
        let fixture = Fixture(tempfile::tempdir().expect("temporary directory"));
        let outside =
            [Entry::Dir("root"), Entry::Dir("outside"), Entry::File("outside/secret", "secret")];
        for entry in outside.iter().chain(program.entries) {
            fixture.make(entry).expect("the entry is made");
        }
        fixture
    }

    fn make(&self, entry: &Entry) -> std::io::Result<()> {
        match entry {
            Entry::File(path, contents) => fs::write(self.path(path), contents),
            Entry::Dir(path) => fs::create_dir(self.path(path)),
            Entry::Link(target, path) => symlink(target, self.path(path)),
            Entry::Special(path) => UnixListener::bind(self.path(path)).map(drop),
        }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// That nothing changed but below what the program may see.
    pub(crate) fn check(&self, program: &Program) {
        let names = |dir: &Path| -> BTreeSet<String> {
            let entries = fs::read_dir(dir).expect("listed");
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
        };
        let preopened = program.preopens.iter().map(|preopen| preopen.host);
        let expected = preopened.chain(["outside"]).map(str::to_string).collect();
        assert_eq!(names(self.0.path()), expected, "{}: outside of its directories", program.file);
        assert_eq!(names(&self.path("outside")), BTreeSet::from(["secret".to_string()]));
        let secret = fs::read_to_string(self.path("outside/secret")).expect("still there");
        assert_eq!(secret, "secret", "{}", program.file);
    }
}

/// `len` bytes that do not repeat in any power of two.
fn pattern(len: usize) -> Vec<u8> {
    (0..len).map(|i| (i % 251) as u8).collect()
}

impl Stdin {
    pub(crate) fn bytes(self) -> Vec<u8> {
        match self {
            Stdin::Bytes(bytes) => bytes.to_vec(),
            Stdin::Pattern(len) => pattern(len),
            Stdin::Silent => Vec::new(),
        }
    }
}

/// What a program ended with, however it was run.
pub(crate) struct Result {
    pub(crate) code: i32,
    pub(crate) stdout: Vec<u8>,
    pub(crate) stderr: Vec<u8>,
}

impl Result {
    /// For programs that are no reactors.
    pub(crate) fn check(&self, program: &Program) {
        let (stdout, stderr) =
            (String::from_utf8_lossy(&self.stdout), String::from_utf8_lossy(&self.stderr));
        let all = format!("{} gave {}\n{stdout}{stderr}", program.file, self.code);
        match program.end {
            End::Passed => {
                assert!(self.code == 0 && self.stderr.is_empty(), "{all}");
                let mut lines: Vec<_> = stdout.lines().collect();
                let last = lines.pop().unwrap_or_default();
                assert!(!lines.is_empty() && last == format!("{} passed", lines.len()), "{all}");
                assert!(lines.iter().all(|line| line.starts_with("ok ")), "{all}");
            }
            End::Exit { code, stdout: expected, stderr: expected_errors } => {
                assert_eq!(self.code, code, "{all}");
                assert_eq!(self.stdout, expected, "{all}");
                assert_eq!(stderr, expected_errors, "{all}");
            }
            End::Copied => {
                assert!(self.code == 0 && self.stderr.is_empty(), "{all}");
                assert!(self.stdout == program.stdin.bytes(), "{}: a different copy", program.file);
            }
            End::Calls(_) => unreachable!("reactors are called by their runners"),
        }
    }
}
