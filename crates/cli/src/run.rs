//! `palisade run`: links a module to WASI and to preloaded modules, and runs it as what it is.
//!
//! A module that exports `_start` is a command and is run. One that exports `_initialize` is a reactor: that comes
//! first, then the function named by `--invoke`. A module with neither is instantiated, which runs its start function.
//! Wrong usage is found before any code of a guest runs.
//!
//! What Emscripten has made is recognised and run by `emscripten.rs`.
//!
//! A guest may have threads if the user says so. What ends one of them, other than that it is done, ends the program,
//! and so does the end of the one that it began with. Threads that run then cannot be stopped and go with the process.

use crate::emscripten;
use crate::failure::Failure;
use crate::input;
use crate::invoke::{self, Invocation};
use crate::output::Output;
use crate::precompiled;
use palisade::{
    Cache, CacheConfig, Compilation, Config, Engine, Error, Instance, Linker, Module, Precompiled,
    Store, Val,
};
use palisade_wasi::{
    DirPerms, FilePerms, WasiCtx, WasiCtxBuilder, WasiThreadsBuilder, WasiThreadsCtx,
};
use std::ffi::OsString;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{self, ExitCode};

/// What `run` takes.
#[derive(clap::Args)]
pub(crate) struct Options {
    /// Call the exported function NAME with ARGS and print its results, one a line
    #[arg(long, value_name = "NAME")]
    invoke: Option<String>,

    /// Set an environment variable of the guest, or pass on the one of this name
    #[arg(long = "env", value_name = "NAME[=VALUE]", value_parser = parse_variable)]
    variables: Vec<Variable>,

    /// Pass on all environment variables; `--env` can change single ones
    #[arg(long)]
    pub(crate) inherit_env: bool,

    /// The name that the guest has for itself, instead of its file name
    #[arg(long, value_name = "NAME")]
    argv0: Option<String>,

    /// Let the guest see the directory HOST, as GUEST if given; with `ro` it cannot change anything there
    #[arg(long = "dir", value_name = "HOST[::GUEST[::ro]]", value_parser = parse_directory)]
    pub(crate) directories: Vec<Directory>,

    /// Listen on ADDR (such as 127.0.0.1:8080) and let the guest accept connections; the sockets follow the directories,
    /// which begin with descriptor 3
    #[arg(long = "tcplisten", value_name = "ADDR")]
    listen: Vec<String>,

    /// Allow proposals for WASI that are off by default. `threads` lets a guest start threads, at most 1024 at a time
    #[arg(long, value_name = "LIST", value_delimiter = ',')]
    wasi: Vec<Proposal>,

    /// What the module expects of its host: `auto` looks at its imports and exports; with `none` nothing is provided
    #[arg(long, value_name = "HOST", value_enum, default_value_t = Host::Auto)]
    host: Host,

    /// Emscripten: what happens when the guest wants more memory than there can be. By default it is aborted if its
    /// memory cannot grow, and gets NULL otherwise
    #[arg(long, value_name = "WHAT", value_enum)]
    pub(crate) on_oom: Option<OnOom>,

    /// Emscripten: missing functions are an error only if the guest calls them
    #[arg(long)]
    pub(crate) stub_missing: bool,

    /// Emscripten: what minified names mean, as JSON (see `palisade emscripten map`)
    #[arg(long, value_name = "FILE")]
    pub(crate) import_map: Option<PathBuf>,

    /// When functions are compiled: all at first, each when it is called, or so and in the background
    #[arg(long, value_name = "WHEN", value_enum, default_value_t = Compile::Background)]
    compile: Compile,

    /// Neither look for compiled modules of earlier runs nor keep them (see `palisade cache`)
    #[arg(long)]
    no_cache: bool,

    /// Instantiate FILE first; its exports are what modules import from NAME
    #[arg(long = "preload", value_name = "NAME=FILE", value_parser = parse_preload)]
    preloads: Vec<Preload>,

    /// The module: binary, text, or what `palisade compile` has written (which can do whatever a native program can);
    /// `-` for standard input; then the guest's own arguments
    // One list and not two arguments: only so does everything after the file belong to the guest.
    #[arg(value_names = ["FILE", "ARGS"], num_args = 1.., required = true, trailing_var_arg = true)]
    file_and_args: Vec<OsString>,
}

#[derive(Clone, Copy, PartialEq, clap::ValueEnum)]
enum Compile {
    Eager,
    Lazy,
    Background,
}

#[derive(Clone, Copy, PartialEq, clap::ValueEnum)]
enum Host {
    Auto,
    Wasi,
    Emscripten,
    None,
}

#[derive(Clone, Copy, PartialEq, clap::ValueEnum)]
pub(crate) enum OnOom {
    Abort,
    Null,
}

#[derive(Clone, Copy, PartialEq, clap::ValueEnum)]
enum Proposal {
    Threads,
}

#[derive(Clone)]
struct Variable {
    name: String,
    value: Option<String>,
}

#[derive(Clone)]
pub(crate) struct Directory {
    pub(crate) host: String,
    pub(crate) guest: String,
    pub(crate) read_only: bool,
}

#[derive(Clone)]
struct Preload {
    name: String,
    file: PathBuf,
}

pub(crate) fn execute(options: &Options, out: &mut Output) -> Result<ExitCode, Failure> {
    let file = options.file();
    let args = options.guest_args()?;
    let engine = options.engine()?;
    let module = load(&engine, file)?;
    let invocation = match &options.invoke {
        Some(name) => Some(Invocation::parse(&module, name, &args)?),
        None => None,
    };

    if options.is_emscripten(&module)? {
        return emscripten::run(options, &module, &args, invocation, out);
    }

    let mut store = Store::new(&engine, wasi_context(options, &args)?);
    let mut linker = Linker::new(&engine);
    // A preloaded module may stand in for part of WASI.
    linker.allow_shadowing(true);
    if options.host != Host::None {
        palisade_wasi::add_to_linker(&mut linker, |wasi: &mut WasiCtx| wasi)
            .map_err(Failure::during("failed to provide WASI"))?;
    }
    for preload in &options.preloads {
        define_preload(&mut store, &mut linker, preload)?;
    }

    // A guest that writes to a pipe that nobody reads ends as a native program does; Rust would have it see an error.
    sigpipe::reset();
    let threads = match options.wasi.contains(&Proposal::Threads) {
        true => Some(allow_threads(&mut store, &linker, &module, file)?),
        false => None,
    };
    let instance = instantiate(&mut store, &linker, &module, threads.as_ref(), file)?;
    match invocation {
        Some(invocation) => {
            let results = invocation.call(&mut store, instance)?;
            invoke::print(out, &results)?;
        }
        None => call_nullary(&mut store, instance, "_start", file)?,
    }
    Ok(ExitCode::SUCCESS)
}

/// Lets a module start threads. One of them that ends the program ends this process, whatever the others wait for.
fn allow_threads(
    store: &mut Store<WasiCtx>,
    linker: &Linker<WasiCtx>,
    module: &Module,
    file: &Path,
) -> Result<WasiThreadsCtx<WasiCtx>, Failure> {
    let what = format!("failed to run a thread of `{}`", input::display(file));
    let end = |error: Error| process::exit(Failure::during(what)(error).report().into());
    let what = format!("failed to instantiate `{}`", input::display(file));
    let mut builder = WasiThreadsBuilder::new();
    builder.on_end(end).build(store, linker, module).map_err(Failure::during(what))
}

/// Instantiates, and initializes a reactor.
fn instantiate(
    store: &mut Store<WasiCtx>,
    linker: &Linker<WasiCtx>,
    module: &Module,
    threads: Option<&WasiThreadsCtx<WasiCtx>>,
    file: &Path,
) -> Result<Instance, Failure> {
    let what = format!("failed to instantiate `{}`", input::display(file));
    let instance = match threads {
        Some(threads) => threads.instantiate(&mut *store),
        None => linker.instantiate(&mut *store, module),
    };
    let instance = instance.map_err(Failure::during(what))?;
    call_nullary(store, instance, "_initialize", file)?;
    Ok(instance)
}

fn define_preload(
    store: &mut Store<WasiCtx>,
    linker: &mut Linker<WasiCtx>,
    preload: &Preload,
) -> Result<(), Failure> {
    let module = load(linker.engine(), &preload.file)?;
    let instance = instantiate(store, linker, &module, None, &preload.file)?;
    let what = format!("failed to define the exports of `{}`", preload.name);
    linker.instance(store, &preload.name, instance).map_err(Failure::during(what))?;
    Ok(())
}

/// Calls the exported function `name` if there is one. It takes and gives nothing.
fn call_nullary(
    store: &mut Store<WasiCtx>,
    instance: Instance,
    name: &str,
    file: &Path,
) -> Result<(), Failure> {
    let Some(func) = instance.get_func(&mut *store, name) else { return Ok(()) };
    let what = format!("failed to run `{name}` of `{}`", input::display(file));
    func.call(store, &[] as &[Val], &mut []).map_err(Failure::during(what))
}

fn load(engine: &Engine, file: &Path) -> Result<Module, Failure> {
    if !input::is_stdin(file) {
        if let Ok(Some(Precompiled::Module)) = Engine::detect_precompiled_file(file) {
            return precompiled::load(engine, file).map_err(Failure::Error);
        }
        // The error names the file, and says what the bytes look like if they are no module.
        return Module::from_file(engine, file).map_err(Failure::Error);
    }
    let bytes = input::read(file).map_err(Failure::during("cannot read standard input"))?;
    Module::new(engine, bytes).map_err(Failure::during("cannot load the module on standard input"))
}

fn wasi_context(options: &Options, args: &[String]) -> Result<WasiCtx, Failure> {
    let mut builder = WasiCtxBuilder::new();
    builder.inherit_stdio();
    builder.arg(options.program_name()).args(args);
    if options.inherit_env {
        builder.inherit_env();
    }
    for (name, value) in options.variables()? {
        builder.env(name, value);
    }
    for Directory { host, guest, read_only } in &options.directories {
        let what = format!("cannot open the directory `{host}`");
        let (dirs, files) = match read_only {
            true => (DirPerms::READ, FilePerms::READ),
            false => (DirPerms::all(), FilePerms::all()),
        };
        builder.preopened_dir(host, guest, dirs, files).map_err(Failure::during(what))?;
    }
    for address in &options.listen {
        let what = format!("cannot listen on `{address}`");
        builder.preopened_socket(TcpListener::bind(address).map_err(Failure::during(what))?);
    }
    Ok(builder.build())
}

impl Options {
    fn engine(&self) -> Result<Engine, Failure> {
        let mut config = Config::new();
        // Programs come from engines with about 1 MiB, and may need more here. A main thread usually has 8 MiB.
        config.max_wasm_stack(4 << 20);
        config.compilation(match self.compile {
            Compile::Eager => Compilation::Eager,
            Compile::Lazy => Compilation::Lazy,
            Compile::Background => Compilation::LazyWithBackground,
        });
        if !self.no_cache {
            // Without a folder for it there is none.
            config.cache(Cache::new(CacheConfig::new()).ok());
        }
        Engine::new(&config).map_err(Failure::during("failed to prepare the compiler"))
    }

    /// Whether the module is for the Emscripten host, by what the user says or what it looks like.
    fn is_emscripten(&self, module: &Module) -> Result<bool, Failure> {
        let is = match self.host {
            Host::Auto => palisade_emscripten::is_emscripten(module) && self.preloads.is_empty(),
            Host::Emscripten => true,
            Host::Wasi | Host::None => false,
        };
        let other = [
            (!self.preloads.is_empty(), "--preload"),
            (!self.listen.is_empty(), "--tcplisten"),
            (!self.wasi.is_empty(), "--wasi"),
        ];
        let own = [
            (self.on_oom.is_some(), "--on-oom"),
            (self.stub_missing, "--stub-missing"),
            (self.import_map.is_some(), "--import-map"),
        ];
        let (options, host) = if is { (other, "WASI") } else { (own, "Emscripten") };
        match options.iter().find(|(given, _)| *given) {
            Some((_, option)) => Err(Failure::usage(format!(
                "{option} is for modules that run on the {host} host, which this one does not"
            ))),
            None => Ok(is),
        }
    }

    /// A guest learns the name of its file and not where it lies: the path is the host's.
    pub(crate) fn program_name(&self) -> String {
        let file = self.file();
        let own = file.file_name().unwrap_or(file.as_os_str()).to_string_lossy();
        self.argv0.clone().unwrap_or_else(|| own.into_owned())
    }

    /// The variables that `--env` sets or passes on.
    pub(crate) fn variables(&self) -> Result<Vec<(&str, String)>, Failure> {
        let mut found = Vec::new();
        for variable in &self.variables {
            if let Some(value) = variable.resolve()? {
                found.push((&variable.name[..], value));
            }
        }
        Ok(found)
    }

    pub(crate) fn file(&self) -> &Path {
        Path::new(&self.file_and_args[0])
    }

    fn guest_args(&self) -> Result<Vec<String>, Failure> {
        self.file_and_args[1..]
            .iter()
            .map(|arg| match arg.to_str() {
                Some(arg) => Ok(arg.to_string()),
                None => Err(Failure::usage(format!("the argument {arg:?} is not UTF-8"))),
            })
            .collect()
    }
}

impl Variable {
    /// The value for the guest; none if it is to be passed on and the host does not have it.
    fn resolve(&self) -> Result<Option<String>, Failure> {
        if self.value.is_some() {
            return Ok(self.value.clone());
        }
        match std::env::var_os(&self.name).map(OsString::into_string) {
            Some(Err(_)) => {
                Err(Failure::usage(format!("the variable `{}` is not UTF-8", self.name)))
            }
            found => Ok(found.and_then(Result::ok)),
        }
    }
}

fn parse_variable(text: &str) -> Result<Variable, String> {
    let (name, value) = match text.split_once('=') {
        Some((name, value)) => (name, Some(value.to_string())),
        None => (text, None),
    };
    if name.is_empty() {
        return Err("a variable needs a name".into());
    }
    Ok(Variable { name: name.to_string(), value })
}

fn parse_directory(text: &str) -> Result<Directory, String> {
    let parts: Vec<&str> = text.split("::").collect();
    let (host, guest, read_only) = match parts[..] {
        [host] => (host, host, false),
        [host, guest] => (host, guest, false),
        [host, guest, "ro"] => (host, guest, true),
        _ => ("", "", false),
    };
    if host.is_empty() || guest.is_empty() {
        return Err("expected HOST, HOST::GUEST or HOST::GUEST::ro".into());
    }
    Ok(Directory { host: host.to_string(), guest: guest.to_string(), read_only })
}

fn parse_preload(text: &str) -> Result<Preload, String> {
    match text.split_once('=') {
        Some((name, file)) if !file.is_empty() => {
            Ok(Preload { name: name.to_string(), file: file.into() })
        }
        _ => Err("expected NAME=FILE".into()),
    }
}
