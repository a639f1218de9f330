//! Putting together what a guest will see.
//!
//! Nothing of the host is inherited unless asked for. What Emscripten's own environment gives to
//! every program (variables, directories in memory, devices) is there from the beginning.

use std::io::{Read, Write};
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Instant;

use cap_std::ambient_authority;
use cap_std::fs::Dir;
use palisade::{Error, Result};

use crate::ctx::{Emscripten, OnOom, Shared, now};
use crate::fs::node::Budget;
use crate::fs::stat::Layout;
use crate::fs::{Files, MAX_DESCRIPTORS};
use crate::import_map::ImportMap;
use crate::stream::{Input, Output};

/// Builds an [`Emscripten`].
///
/// ```
/// use palisade_emscripten::EmscriptenBuilder;
///
/// let guest = EmscriptenBuilder::new().args(&["program", "one"]).env("LANG", "C").build()?;
/// # Ok::<(), palisade::Error>(())
/// ```
pub struct EmscriptenBuilder {
    args: Vec<Vec<u8>>,
    env: Vec<(String, String)>,
    stdin: Input,
    stdout: Output,
    stderr: Output,
    mounts: Vec<(Vec<u8>, Dir, bool)>,
    file_bytes: u64,
    file_count: u64,
    max_descriptors: usize,
    on_oom: Option<OnOom>,
    layout: Option<Layout>,
    import_map: Option<ImportMap>,
}

impl std::fmt::Debug for EmscriptenBuilder {
    /// Without the contents of arguments and environment, which may hold secrets.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("EmscriptenBuilder").finish_non_exhaustive()
    }
}

impl Default for EmscriptenBuilder {
    fn default() -> EmscriptenBuilder {
        EmscriptenBuilder::new()
    }
}

/// What every program finds in its environment.
const VARIABLES: [(&str, &str); 6] = [
    ("USER", "web_user"),
    ("LOGNAME", "web_user"),
    ("PATH", "/"),
    ("PWD", "/"),
    ("HOME", "/home/web_user"),
    ("LANG", "C.UTF-8"),
];

impl EmscriptenBuilder {
    /// A builder that gives the guest no arguments, Emscripten's default environment, an empty
    /// stdin, discarded output, files in memory (up to 1 GiB) and none of the host.
    pub fn new() -> EmscriptenBuilder {
        let own = |(name, value): (&str, &str)| (name.to_owned(), value.to_owned());
        EmscriptenBuilder {
            args: Vec::new(),
            env: VARIABLES.map(own).into(),
            stdin: Input::default(),
            stdout: Output::default(),
            stderr: Output::default(),
            mounts: Vec::new(),
            file_bytes: 1 << 30,
            file_count: 1 << 18,
            max_descriptors: MAX_DESCRIPTORS,
            on_oom: None,
            layout: None,
            import_map: None,
        }
    }

    /// Appends an argument. The first one is the program's name.
    pub fn arg(&mut self, arg: impl AsRef<str>) -> &mut Self {
        self.args.push(arg.as_ref().as_bytes().to_vec());
        self
    }

    /// Appends several arguments.
    pub fn args(&mut self, args: &[impl AsRef<str>]) -> &mut Self {
        self.args.extend(args.iter().map(|arg| arg.as_ref().as_bytes().to_vec()));
        self
    }

    /// Sets an environment variable, also one that Emscripten sets by default: `USER`, `LOGNAME`,
    /// `PATH`, `PWD`, `HOME`, `LANG`, `_`. `TZ` chooses the time zone.
    pub fn env(&mut self, name: impl Into<String>, value: impl Into<String>) -> &mut Self {
        let (name, value) = (name.into(), value.into());
        match self.env.iter_mut().find(|(set, _)| *set == name) {
            Some(set) => set.1 = value,
            None => self.env.push((name, value)),
        }
        self
    }

    /// Sets all environment variables of this process that are UTF-8.
    pub fn inherit_env(&mut self) -> &mut Self {
        for (name, value) in std::env::vars_os() {
            if let (Ok(name), Ok(value)) = (name.into_string(), value.into_string()) {
                self.env(name, value);
            }
        }
        self
    }

    /// Lets the guest read `reader` as its stdin.
    pub fn stdin(&mut self, reader: impl Read + Send + 'static) -> &mut Self {
        self.stdin = Input::Reader(Mutex::new(Box::new(reader)));
        self
    }

    /// Gives the guest's stdout to `writer`, for example a
    /// [`MemoryOutputPipe`](palisade_wasi::MemoryOutputPipe).
    pub fn stdout(&mut self, writer: impl Write + Send + 'static) -> &mut Self {
        self.stdout = Output::Writer(Mutex::new(Box::new(writer)));
        self
    }

    /// Gives the guest's stderr to `writer`.
    pub fn stderr(&mut self, writer: impl Write + Send + 'static) -> &mut Self {
        self.stderr = Output::Writer(Mutex::new(Box::new(writer)));
        self
    }

    /// All three standard streams are those of this process. What the host has buffered from its
    /// [`std::io::stdin`] is not seen.
    pub fn inherit_stdio(&mut self) -> &mut Self {
        self.stdin = Input::Host;
        self.stdout = Output::Stdout;
        self.stderr = Output::Stderr;
        self
    }

    /// Opens the host's folder `host_path` and lets the guest see it as `guest_path`; if
    /// `read_only`, the guest cannot change anything there.
    ///
    /// At `/`, the folder takes the place of everything but `/dev`, `/proc` and `/tmp`.
    ///
    /// # Errors
    ///
    /// When `host_path` is not a directory that can be opened.
    pub fn mount(
        &mut self,
        host_path: impl AsRef<Path>,
        guest_path: impl AsRef<str>,
        read_only: bool,
    ) -> Result<&mut Self> {
        let host_path = host_path.as_ref();
        let dir = Dir::open_ambient_dir(host_path, ambient_authority()).map_err(|error| {
            Error::new(error).context(format!("cannot open directory {}", host_path.display()))
        })?;
        self.mounts.push((guest_path.as_ref().as_bytes().to_vec(), dir, read_only));
        Ok(self)
    }

    /// Limits files in memory to `bytes` in all (1 GiB by default) and `count` files and
    /// directories (262,144 by default); beyond that is `ENOSPC`. A context itself takes
    /// 18 of them. Bytes are those of contents, of targets of symbolic links, of pipes (64 KiB
    /// each), and of what is kept of large directories that are being read, with which there may
    /// be `ENOMEM`.
    pub fn memory_files(&mut self, bytes: u64, count: u64) -> &mut Self {
        (self.file_bytes, self.file_count) = (bytes.min(1 << 40), count);
        self
    }

    /// Limits descriptors to those below `count`: at most 4096, which is the default; beyond that is
    /// `EMFILE`. Each one of a file in a mounted folder is one of the host's process too, so an
    /// embedder with many guests, or a low limit of its own, wants fewer.
    pub fn max_descriptors(&mut self, count: usize) -> &mut Self {
        self.max_descriptors = count.min(MAX_DESCRIPTORS);
        self
    }

    /// What happens when the guest wants more memory than there can be. By default the program
    /// is aborted if its memory cannot grow, and gets NULL otherwise: how Emscripten builds it
    /// unless told otherwise, which is not to be seen in the module.
    pub fn on_oom(&mut self, on_oom: OnOom) -> &mut Self {
        self.on_oom = Some(on_oom);
        self
    }

    /// How the guest's C library lays out structures. By default that is guessed from the names
    /// and types of imports and exports.
    pub fn layout(&mut self, layout: Layout) -> &mut Self {
        self.layout = Some(layout);
        self
    }

    /// What minified names mean; the same as given to [`Imports::map`](crate::Imports::map).
    pub fn import_map(&mut self, map: ImportMap) -> &mut Self {
        self.import_map = Some(map);
        self
    }

    /// The finished context. The builder is empty afterwards, as a stream has one owner.
    ///
    /// # Errors
    ///
    /// When the limit of files in memory leaves no room for what every program has, or a folder
    /// is mounted at a path with `..`.
    pub fn build(&mut self) -> Result<Emscripten> {
        let built = std::mem::take(self);
        let mut env = built.env;
        if !env.iter().any(|(name, _)| name == "_") {
            let program = built.args.first().map(|name| String::from_utf8_lossy(name).into_owned());
            env.push(("_".into(), program.unwrap_or_else(|| "this.program".into())));
        }
        let now = now();
        let budget = Budget::new(built.file_bytes, built.file_count);
        let failed = |_| Error::msg("no room for the files that every program has in memory");
        let streams = (built.stdin, built.stdout, built.stderr);
        let mut files = Files::new(budget, streams, now).map_err(failed)?;
        files.max_descriptors = built.max_descriptors;
        for (path, dir, read_only) in built.mounts {
            files.mount(&path, dir, read_only, now).map_err(|_| {
                Error::msg(format!("no folder can be mounted at {}", path.escape_ascii()))
            })?;
        }
        let shared = Shared {
            args: built.args,
            env: env.iter().map(|(name, value)| format!("{name}={value}").into()).collect(),
            files: Mutex::new(files),
            on_oom: built.on_oom,
            layout: built.layout,
            import_map: built.import_map,
            names: Arc::default(),
            began: Instant::now(),
            references: Mutex::new(()),
        };
        Ok(Emscripten::new(Arc::new(shared)))
    }
}

#[cfg(test)]
mod tests {
    use super::EmscriptenBuilder;
    use crate::errno::Errno;
    use crate::stream::lock;

    #[test]
    fn descriptors_are_limited() {
        let context = EmscriptenBuilder::new().max_descriptors(5).build().unwrap();
        let mut files = lock(&context.shared.files);
        assert_eq!(files.pipe(0), Ok((3, 4)));
        assert_eq!(files.pipe(0), Err(Errno::MFILE));
        let stdin = files.get(0).unwrap();
        assert_eq!(files.insert(stdin.clone(), 5), Err(Errno::INVAL));
        assert_eq!(files.replace(stdin.clone(), 5), Err(Errno::BADF));
        files.remove(4).unwrap();
        assert_eq!(files.insert(stdin, 0), Ok(4));
        // No more than there are otherwise.
        let context = EmscriptenBuilder::new().max_descriptors(usize::MAX).build().unwrap();
        assert_eq!(lock(&context.shared.files).max_descriptors, 4096);
    }

    #[test]
    fn the_environment_names_the_program() {
        let name = |builder: &mut EmscriptenBuilder| {
            let context = builder.build().unwrap();
            context.variable("_").map(|name| String::from_utf8(name.to_vec()).unwrap())
        };
        assert_eq!(name(EmscriptenBuilder::new().arg("tool").arg("x")).unwrap(), "tool");
        assert_eq!(name(&mut EmscriptenBuilder::new()).unwrap(), "this.program");
        assert_eq!(name(EmscriptenBuilder::new().arg("tool").env("_", "own")).unwrap(), "own");
    }
}
