//! `palisade cache`: what is kept of modules that were run.

use crate::failure::Failure;
use crate::output::Output;
use palisade::{Cache, CacheConfig, CacheStats};
use std::io::Write;
use std::process::ExitCode;

/// What `cache` takes.
#[derive(clap::Subcommand)]
pub(crate) enum Command {
    /// Remove all entries
    Clean,
    /// Show where entries are, how many, and how large they are
    Stats,
}

pub(crate) fn execute(command: &Command, out: &mut Output) -> Result<ExitCode, Failure> {
    let cache = Cache::new(CacheConfig::new()).map_err(Failure::Error)?;
    match command {
        Command::Clean => {
            let removed = cache.clean().map_err(Failure::Error)?;
            writeln!(out, "removed {}", describe(removed))?;
        }
        Command::Stats => {
            let stats = cache.stats().map_err(Failure::Error)?;
            writeln!(out, "{}: {}", cache.directory().display(), describe(stats))?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn describe(stats: CacheStats) -> String {
    let entries = if stats.entries == 1 { "entry" } else { "entries" };
    format!("{} {entries}, {:.1} MB", stats.entries, stats.bytes as f64 / 1e6)
}
