//! The benchmark harness: contenders run the same work in turns, in one run, and every result is checked.
//!
//! A [`Measure`](measures::Measure) is one line of the report: a [`Task`](contender::Task), which each
//! [`Contender`](contender::Contender) prepares untimed and then repeats. Rounds are interleaved, so that whatever else
//! the machine does hits everybody alike; what is reported are medians, and ratios to wasmtime's.
//!
//! Invariant: no time is reported for a wrong answer. A contender that cannot do a task, or does it wrong, says so in its
//! cell of the report.

#![forbid(unsafe_code)]

mod contender;
mod contenders;
mod corpus;
mod generated;
mod machine;
mod measures;
mod options;
mod process;
mod report;
mod rounds;
mod stats;

use clap::Parser;
use options::Options;
use std::process::ExitCode;

/// What the program does.
pub fn main() -> ExitCode {
    let options = Options::parse();
    match run(&options) {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("error: {message}");
            ExitCode::FAILURE
        }
    }
}

fn run(options: &Options) -> Result<(), String> {
    let contenders = contenders::chosen(&options.contenders)?;
    let measures = measures::chosen(options);
    if options.list {
        for measure in &measures {
            println!("{}", measure.full_name());
        }
        return Ok(());
    }
    let mut report = report::Report::new(options, &contenders);
    report::table::header(&report);
    for measure in &measures {
        let row = rounds::measure(measure, &contenders, options);
        report::table::row(&report, &row);
        report.rows.push(row);
    }
    report::table::summary(&report);
    if let Some(path) = &options.json {
        report::json::write(&report, path)?;
    }
    Ok(())
}
