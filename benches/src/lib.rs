//! The benchmark harness: contenders run the same work in turns, in one run, and every result is checked.
//!
//! A [`Measure`](measures::Measure) is one line of the report: a [`Task`](contender::Task), which each
//! [`Contender`](contender::Contender) prepares untimed and then repeats. Rounds are interleaved, so that whatever else
//! the machine does hits everybody alike; what is reported are medians, and ratios to wasmtime's.
//!
//! Invariant: no time is reported for a wrong answer. A contender that cannot do a task, or does it wrong, says so in its
//! cell of the report.

#![forbid(unsafe_code)]

mod child;
mod contender;
mod contenders;
mod corpus;
mod generated;
mod guests;
mod machine;
mod measures;
mod options;
mod process;
mod report;
mod rounds;
mod stats;

use clap::Parser;
use indicatif::{ProgressBar, ProgressStyle};
use options::Options;
use std::path::Path;
use std::process::ExitCode;

/// Loads code of wasmtime's from a file that it trusts.
pub type LoadModule = fn(&wasmtime::Engine, &Path) -> wasmtime::Result<wasmtime::Module>;

/// What the program does.
pub fn main(load: LoadModule) -> ExitCode {
    if let Some(outcome) = child::run(load) {
        return outcome;
    }
    let options = Options::parse();
    match run(&options, load) {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("error: {message}");
            ExitCode::FAILURE
        }
    }
}

fn run(options: &Options, load: LoadModule) -> Result<(), String> {
    let contenders = contenders::chosen(options, load)?;
    let measures = measures::chosen(options);
    if options.list {
        for measure in &measures {
            println!("{}", measure.full_name());
        }
        return Ok(());
    }
    let mut report = report::Report::new(options, &contenders);
    report::table::header(&report);
    let bar = progress_bar(measures.len());
    for measure in &measures {
        let name = measure.full_name();
        let progress = |doing: &str| bar.set_message(format!("{name}: {doing}"));
        let row = rounds::measure(measure, &contenders, options, &progress);
        bar.suspend(|| report::table::row(&report, &row));
        bar.inc(1);
        report.rows.push(row);
    }
    bar.finish_and_clear();
    report::table::summary(&report);
    if let Some(path) = &options.json {
        report::json::write(&report, path)?;
    }
    if let Some(path) = &options.html {
        report::html::write(&report, path)?;
    }
    Ok(())
}

/// Shows how far things are, where there is a terminal.
fn progress_bar(measures: usize) -> ProgressBar {
    let style = "{elapsed_precise} {bar:24} {pos}/{len} {wide_msg}";
    ProgressBar::new(measures as u64)
        .with_style(ProgressStyle::with_template(style).expect("a valid template"))
}
