//! The report as lines in a terminal, each of them as soon as it is known.

use super::{BASELINE, Cell, Report, Row};
use crate::measures::Unit;

/// Columns of a measure's name, and of a cell: a value and its ratio.
const NAME: usize = 24;
const CELL: usize = 18;

/// What was measured, where, and the names of the columns.
pub(crate) fn header(report: &Report) {
    let machine = &report.machine;
    println!(
        "{}, {} threads, {}, load {}",
        machine.processor, machine.threads, machine.system, machine.load
    );
    for one in &report.contenders {
        println!("  {:<10} {}", one.name, one.version);
    }
    println!(
        "medians of up to {} interleaved rounds, and ratios to {BASELINE} unless said otherwise (less is better); spread is palisade's",
        report.rounds
    );
}

pub(crate) fn row(report: &Report, row: &Row) {
    if report.rows.last().is_none_or(|last| last.section != row.section) {
        print!("\n{:<NAME$}", row.title());
        for one in &report.contenders {
            print!("{:>CELL$}", one.name);
        }
        println!("{:>9}", "spread");
    }
    print!("{:<NAME$}", row.name);
    for (place, cell) in row.cells.iter().enumerate() {
        let text = match cell {
            Cell::Measured(summary) => {
                let ratio = report.ratio(row, place);
                let ratio = ratio.map_or(String::new(), |ratio| format!(" {ratio:>6.3}"));
                format!("{}{ratio}", show(summary.median, row.unit))
            }
            Cell::Unable(reason) => shorten(reason),
        };
        print!("{text:>CELL$}");
    }
    match &row.cells.first() {
        Some(Cell::Measured(summary)) if summary.samples == 1 => println!("{:>9}", "1 sample"),
        Some(Cell::Measured(summary)) => println!("{:>8.1}%", summary.spread() * 100.0),
        _ => println!(),
    }
}

/// Means of the sections.
pub(crate) fn summary(report: &Report) {
    println!("\ngeometric means of ratios to {BASELINE}");
    for section in report.sections() {
        print!("{:<NAME$}", report.title(section));
        for place in 0..report.contenders.len() {
            let mean = report.mean_ratio(section, place);
            let text =
                mean.map_or("-".to_string(), |(mean, count)| format!("{mean:.3} of {count}"));
            print!("{text:>CELL$}");
        }
        println!();
    }
}

/// A value with its unit.
pub(crate) fn show(value: f64, unit: Unit) -> String {
    match unit {
        Unit::Nanoseconds => match value {
            0.0..1e3 => format!("{value:.1} ns"),
            1e3..1e6 => format!("{:.2} us", value / 1e3),
            1e6..1e9 => format!("{:.2} ms", value / 1e6),
            _ => format!("{:.2} s", value / 1e9),
        },
        Unit::Bytes => match value {
            0.0..1e3 => format!("{value:.0} B"),
            1e3..1e6 => format!("{:.2} kB", value / 1e3),
            _ => format!("{:.2} MB", value / 1e6),
        },
    }
}

/// What fits into a cell.
fn shorten(reason: &str) -> String {
    match reason.char_indices().nth(CELL - 2) {
        Some((end, _)) => format!("{}~", &reason[..end - 1]),
        None => reason.to_string(),
    }
}
