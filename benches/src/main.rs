//! Measures Palisade against other runtimes in one run. See the crate's library for how.

use std::process::ExitCode;

fn main() -> ExitCode {
    palisade_bench::main()
}
