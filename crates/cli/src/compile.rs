//! `palisade compile`: a module with its machine code, for `palisade run`.

use crate::failure::Failure;
use crate::input;
use palisade::{Engine, Module};
use std::fs::Permissions;
use std::io::{self, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// What `compile` takes.
#[derive(clap::Args)]
pub(crate) struct Options {
    /// Write to FILE instead of the module's name with the ending `.pal`
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,

    /// The module, binary or text; `-` is standard input
    #[arg(value_name = "FILE")]
    file: PathBuf,
}

pub(crate) fn execute(options: &Options) -> Result<ExitCode, Failure> {
    let output = match &options.output {
        Some(output) => output.clone(),
        None if input::is_stdin(&options.file) => {
            return Err(Failure::usage("a module from standard input needs `--output`"));
        }
        None => options.file.with_extension("pal"),
    };
    let engine = Engine::default();
    let what = || format!("failed to compile `{}`", input::display(&options.file));
    let bytes = input::read(&options.file).map_err(Failure::during(what()))?;
    let module = Module::new(&engine, bytes).map_err(Failure::during(what()))?;
    let compiled = module.serialize().map_err(Failure::during(what()))?;
    replace(&output, &compiled)
        .map_err(Failure::during(format!("cannot write `{}`", output.display())))?;
    Ok(ExitCode::SUCCESS)
}

/// Writes a file under another name first: the old one may be in use, and must not change then.
fn replace(path: &Path, contents: &[u8]) -> io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    let mut file = tempfile::Builder::new()
        .permissions(Permissions::from_mode(0o666))
        .tempfile_in(folder.unwrap_or(Path::new(".")))?;
    file.write_all(contents)?;
    file.persist(path)?;
    Ok(())
}
