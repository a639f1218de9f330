//! The command line.

use clap::Parser;
use std::path::PathBuf;
use std::time::Duration;

/// Measures Palisade against other runtimes in one run.
#[derive(Parser)]
#[command(name = "palisade-bench", version)]
pub(crate) struct Options {
    /// Under 3 minutes: fewer rounds, no Ruby, WASI and `printf`, and only palisade, wasmtime, V8 and native code, unless others are
    /// named.
    #[arg(long)]
    pub(crate) quick: bool,
    /// Only measures whose name (section/name, see --list) contains this; may be repeated.
    #[arg(long)]
    pub(crate) filter: Vec<String>,
    /// Only these contenders, by name, with commas between.
    #[arg(long, value_delimiter = ',')]
    pub(crate) contenders: Vec<String>,
    /// Rounds of each measure; medians are reported.
    #[arg(long)]
    rounds: Option<usize>,
    /// Lists the measures instead of taking them.
    #[arg(long)]
    pub(crate) list: bool,
    /// Writes everything that was measured to a file.
    #[arg(long, value_name = "FILE")]
    pub(crate) json: Option<PathBuf>,
    /// Writes a page with plots to a file.
    #[arg(long, value_name = "FILE")]
    pub(crate) html: Option<PathBuf>,
}

impl Options {
    /// Rounds of each measure.
    pub(crate) fn rounds(&self) -> usize {
        self.rounds.unwrap_or(if self.quick { 5 } else { 15 })
    }

    /// How much time a contender gets for one measure. One that needs more takes part in fewer rounds.
    pub(crate) fn budget(&self) -> Duration {
        Duration::from_millis(if self.quick { 300 } else { 3000 })
    }

    /// Whether a contender of this name takes part.
    pub(crate) fn includes(&self, contender: &str) -> bool {
        match self.contenders.is_empty() {
            true => !self.quick || ["palisade", "wasmtime", "v8", "native"].contains(&contender),
            false => self.contenders.iter().any(|name| name == contender),
        }
    }

    /// Whether a measure of this full name is wanted.
    pub(crate) fn wants(&self, name: &str) -> bool {
        self.filter.is_empty() || self.filter.iter().any(|filter| name.contains(filter.as_str()))
    }
}
