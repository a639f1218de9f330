//! Putting together what a guest will see.
//!
//! Nothing is inherited unless asked for: a fresh builder gives no arguments, no environment, an
//! empty stdin, discarded output and no files.

use std::ffi::OsStr;
use std::mem;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::Path;
use std::time::Instant;

use cap_std::ambient_authority;
use cap_std::fs::Dir;
use palisade::{Error, Result};

use crate::ctx::{FdTable, WasiCtx};
use crate::descriptor::{Descriptor, OpenDir};
use crate::stream::{Input, MemoryInputPipe, MemoryOutputPipe, Output};

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

    /// Appends an environment variable.
    pub fn env(&mut self, key: impl AsRef<str>, value: impl AsRef<str>) -> &mut Self {
        self.push_env(key.as_ref().as_ref(), value.as_ref().as_ref());
        self
    }

    /// Appends several environment variables.
    pub fn envs(&mut self, variables: &[(impl AsRef<str>, impl AsRef<str>)]) -> &mut Self {
        for (key, value) in variables {
            self.env(key, value);
        }
        self
    }

    /// Appends the environment of this process.
    pub fn inherit_env(&mut self) -> &mut Self {
        for (key, value) in std::env::vars_os() {
            self.push_env(&key, &value);
        }
        self
    }

    fn push_env(&mut self, key: &OsStr, value: &OsStr) {
        self.env.push([key.as_bytes(), value.as_bytes()].join(&b'='));
    }

    /// Lets the guest read `pipe` as its stdin.
    pub fn stdin(&mut self, pipe: MemoryInputPipe) -> &mut Self {
        self.stdin = Input::Pipe(pipe);
        self
    }

    /// Collects the guest's stdout in `pipe`.
    pub fn stdout(&mut self, pipe: MemoryOutputPipe) -> &mut Self {
        self.stdout = Output::Pipe(pipe);
        self
    }

    /// Collects the guest's stderr in `pipe`.
    pub fn stderr(&mut self, pipe: MemoryOutputPipe) -> &mut Self {
        self.stderr = Output::Pipe(pipe);
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

    /// Opens the host's directory `host_path` and gives it to the guest, to read and to change,
    /// under the name `guest_path`.
    ///
    /// # Errors
    ///
    /// When `host_path` is not a directory that can be opened.
    pub fn preopened_dir(
        &mut self,
        host_path: impl AsRef<Path>,
        guest_path: impl AsRef<str>,
    ) -> Result<&mut Self> {
        let host_path = host_path.as_ref();
        let dir = Dir::open_ambient_dir(host_path, ambient_authority()).map_err(|error| {
            Error::new(error).context(format!("cannot open directory {}", host_path.display()))
        })?;
        self.preopens.push(OpenDir::new(dir, Some(guest_path.as_ref().to_owned())));
        Ok(self)
    }

    /// The finished context. The builder is empty afterwards, as a directory has one owner.
    pub fn build(&mut self) -> WasiCtx {
        let built = mem::take(self);
        let streams = [
            Descriptor::Input(built.stdin),
            Descriptor::Output(built.stdout),
            Descriptor::Output(built.stderr),
        ];
        let preopens = built.preopens.into_iter().map(Descriptor::Dir);
        let fds = FdTable::new(streams.into_iter().chain(preopens));
        WasiCtx { args: built.args, env: built.env, fds, epoch: Instant::now() }
    }
}
