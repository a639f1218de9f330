//! Putting together what a guest will see.
//!
//! Nothing is inherited unless asked for: a fresh builder gives no arguments, no environment, an
//! empty stdin, discarded output and no files.

use std::ffi::OsStr;
use std::io::{Read, Write};
use std::mem;
use std::net::TcpListener;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Instant;

use cap_std::ambient_authority;
use cap_std::fs::Dir;
use palisade::{Error, Result};

use crate::clock::{Clocks, HostMonotonicClock, HostWallClock};
use crate::ctx::{Entry, FdTable, RandomSource, State, WasiCtx};
use crate::descriptor::{Descriptor, OpenDir, Socket};
use crate::perms::{DirPerms, FilePerms, Perms};
use crate::rights::{self, Rights};
use crate::stream::{Input, Output};

/// Builds a [`WasiCtx`].
///
/// Arguments and variables are handed to the guest with a terminating NUL, as C has them; a guest
/// in C does not see what follows a NUL within one.
#[derive(Default)]
pub struct WasiCtxBuilder {
    args: Vec<Vec<u8>>,
    env: Vec<Vec<u8>>,
    stdin: Input,
    stdout: Output,
    stderr: Output,
    preopens: Vec<OpenDir>,
    sockets: Vec<TcpListener>,
    wall_clock: Option<Box<dyn HostWallClock>>,
    monotonic_clock: Option<Box<dyn HostMonotonicClock>>,
    random: Option<RandomSource>,
}

impl std::fmt::Debug for WasiCtxBuilder {
    /// Without the contents of arguments and environment, which may hold secrets.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("WasiCtxBuilder").finish_non_exhaustive()
    }
}

impl WasiCtxBuilder {
    /// A builder that gives the guest nothing yet.
    pub fn new() -> WasiCtxBuilder {
        WasiCtxBuilder::default()
    }

    /// Appends an argument. The first one is the program's name.
    pub fn arg(&mut self, arg: impl AsRef<str>) -> &mut Self {
        self.args.push(arg.as_ref().as_bytes().to_vec());
        self
    }

    /// Appends several arguments.
    pub fn args(&mut self, args: &[impl AsRef<str>]) -> &mut Self {
        for arg in args {
            self.arg(arg);
        }
        self
    }

    /// Appends the arguments of this process, its name included.
    pub fn inherit_args(&mut self) -> &mut Self {
        self.args.extend(std::env::args_os().map(OsStringExt::into_vec));
        self
    }

    /// Sets an environment variable.
    pub fn env(&mut self, key: impl AsRef<str>, value: impl AsRef<str>) -> &mut Self {
        self.set_env(key.as_ref().as_ref(), value.as_ref().as_ref());
        self
    }

    /// Sets several environment variables.
    pub fn envs(&mut self, variables: &[(impl AsRef<str>, impl AsRef<str>)]) -> &mut Self {
        for (key, value) in variables {
            self.env(key, value);
        }
        self
    }

    /// Sets all environment variables of this process.
    pub fn inherit_env(&mut self) -> &mut Self {
        for (key, value) in std::env::vars_os() {
            self.set_env(&key, &value);
        }
        self
    }

    /// One that is set already keeps its place and gets the new value.
    fn set_env(&mut self, key: &OsStr, value: &OsStr) {
        let variable = [key.as_bytes(), value.as_bytes()].join(&b'=');
        let name = &variable[..=key.len()];
        match self.env.iter_mut().find(|set| set.starts_with(name)) {
            Some(set) => *set = variable,
            None => self.env.push(variable),
        }
    }

    /// Lets the guest read `reader` as its stdin: a [`MemoryInputPipe`](crate::MemoryInputPipe), a
    /// file, anything that reads. `poll_oneoff` takes it to be always ready.
    pub fn stdin(&mut self, reader: impl Read + Send + 'static) -> &mut Self {
        self.stdin = Input::from_reader(reader);
        self
    }

    /// Gives the guest's stdout to `writer`: a [`MemoryOutputPipe`](crate::MemoryOutputPipe) that
    /// collects it, a file, anything that writes. It is flushed when the guest syncs its stdout,
    /// and otherwise left to buffer as it likes.
    pub fn stdout(&mut self, writer: impl Write + Send + 'static) -> &mut Self {
        self.stdout = Output::from_writer(writer);
        self
    }

    /// Gives the guest's stderr to `writer`; see [`stdout`](Self::stdout).
    pub fn stderr(&mut self, writer: impl Write + Send + 'static) -> &mut Self {
        self.stderr = Output::from_writer(writer);
        self
    }

    /// Lets the guest read the stdin of this process. What the host has buffered from its
    /// [`std::io::stdin`] is not seen.
    pub fn inherit_stdin(&mut self) -> &mut Self {
        self.stdin = Input::Host;
        self
    }

    /// Lets the guest write to the stdout of this process.
    pub fn inherit_stdout(&mut self) -> &mut Self {
        self.stdout = Output::Stdout;
        self
    }

    /// Lets the guest write to the stderr of this process.
    pub fn inherit_stderr(&mut self) -> &mut Self {
        self.stderr = Output::Stderr;
        self
    }

    /// All three standard streams are those of this process.
    pub fn inherit_stdio(&mut self) -> &mut Self {
        self.inherit_stdin().inherit_stdout().inherit_stderr()
    }

    /// Opens the host's directory `host_path` and gives it to the guest under the name
    /// `guest_path`, for what `dir_perms` and `file_perms` allow; the rest is `EPERM`.
    ///
    /// Directories are descriptors 3, 4 and so on, in the order of the calls.
    ///
    /// # Errors
    ///
    /// When `host_path` is not a directory that can be opened.
    pub fn preopened_dir(
        &mut self,
        host_path: impl AsRef<Path>,
        guest_path: impl AsRef<str>,
        dir_perms: DirPerms,
        file_perms: FilePerms,
    ) -> Result<&mut Self> {
        let host_path = host_path.as_ref();
        let dir = Dir::open_ambient_dir(host_path, ambient_authority()).map_err(|error| {
            Error::new(error).context(format!("cannot open directory {}", host_path.display()))
        })?;
        let perms = Perms { dir: dir_perms, file: file_perms };
        self.preopens.push(OpenDir::new(dir, perms, Some(guest_path.as_ref().to_owned())));
        Ok(self)
    }

    /// Gives the guest a listening socket, from which it accepts connections with `sock_accept`.
    ///
    /// Sockets are the descriptors after the preopened directories, which C libraries expect
    /// first; without directories, the first socket is descriptor 3.
    pub fn preopened_socket(&mut self, listener: impl Into<TcpListener>) -> &mut Self {
        self.sockets.push(listener.into());
        self
    }

    /// Replaces the time of day.
    pub fn wall_clock(&mut self, clock: impl HostWallClock + 'static) -> &mut Self {
        self.wall_clock = Some(Box::new(clock));
        self
    }

    /// Replaces the monotonic clock, and with it the clocks of CPU time. A guest that waits still
    /// does so in real time.
    pub fn monotonic_clock(&mut self, clock: impl HostMonotonicClock + 'static) -> &mut Self {
        self.monotonic_clock = Some(Box::new(clock));
        self
    }

    /// Replaces the source of random bytes by one that fills the slices it is given. For guests
    /// with secrets it has to be cryptographically secure.
    pub fn secure_random(&mut self, source: impl FnMut(&mut [u8]) + Send + 'static) -> &mut Self {
        self.random = Some(Box::new(source));
        self
    }

    /// The finished context. The builder is empty afterwards, as a directory has one owner.
    pub fn build(&mut self) -> WasiCtx {
        let built = mem::take(self);
        let streams = [
            entry(Descriptor::Input(built.stdin), rights::INPUT, 0),
            entry(Descriptor::Output(built.stdout), rights::OUTPUT, 0),
            entry(Descriptor::Output(built.stderr), rights::OUTPUT, 0),
        ];
        let preopens = built.preopens.into_iter().map(|dir| {
            let mutable = dir.perms.dir.contains(DirPerms::MUTATE);
            let base = if mutable { rights::DIR } else { rights::DIR_READ_ONLY };
            // What permissions forbid is passed on all the same: the C library asks for no more
            // than that, and would open for reading what the program opens to read and write.
            entry(Descriptor::Dir(dir), base, rights::DIR_INHERITING)
        });
        let sockets = built.sockets.into_iter().map(|listener| {
            let socket = Descriptor::Socket(Socket(listener.into()));
            entry(socket, rights::LISTENER, rights::CONNECTION)
        });
        WasiCtx(Arc::new(State {
            args: built.args,
            env: built.env,
            fds: FdTable::new(streams.into_iter().chain(preopens).chain(sockets)),
            clocks: Clocks {
                wall: built.wall_clock.map(Mutex::new),
                monotonic: built.monotonic_clock.map(Mutex::new),
                epoch: Instant::now(),
            },
            random: built.random.map(Mutex::new),
        }))
    }
}

fn entry(descriptor: Descriptor, base: u64, inheriting: u64) -> Entry {
    Entry::new(descriptor, Rights::new(base, inheriting))
}
