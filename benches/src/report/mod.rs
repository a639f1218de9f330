//! What was measured, and the forms it is shown in.

pub(crate) mod html;
pub(crate) mod json;
mod plot;
pub(crate) mod table;

use crate::contender::Contender;
use crate::machine::Machine;
use crate::measures::Unit;
use crate::options::Options;
use crate::stats::{Summary, geometric_mean};
use serde::Serialize;

/// What is compared with this contender, unless a measure names another.
pub(crate) const BASELINE: &str = "wasmtime";

/// All that was measured in one run.
#[derive(Serialize)]
pub(crate) struct Report {
    pub(crate) machine: Machine,
    pub(crate) rounds: usize,
    pub(crate) quick: bool,
    pub(crate) contenders: Vec<Named>,
    pub(crate) rows: Vec<Row>,
}

/// A contender, in a report.
#[derive(Serialize)]
pub(crate) struct Named {
    pub(crate) name: String,
    pub(crate) version: String,
}

/// One measure.
#[derive(Serialize)]
pub(crate) struct Row {
    pub(crate) section: String,
    pub(crate) name: String,
    pub(crate) about: String,
    pub(crate) unit: Unit,
    /// The contender that others are compared with.
    pub(crate) baseline: &'static str,
    /// Of what is compiled.
    pub(crate) input_bytes: Option<usize>,
    /// One for each contender.
    pub(crate) cells: Vec<Cell>,
}

/// What one contender did in one measure.
#[derive(Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Cell {
    Measured(Summary),
    /// It cannot, and why.
    Unable(String),
}

fn title(section: &str, baseline: &str) -> String {
    match baseline {
        BASELINE => section.to_string(),
        baseline => format!("{section}, to {baseline}"),
    }
}

impl Row {
    /// As [`Report::title`].
    pub(crate) fn title(&self) -> String {
        title(&self.section, self.baseline)
    }

    /// How fast a compiler is, if that is what is measured.
    pub(crate) fn megabytes_per_second(&self, summary: &Summary) -> Option<f64> {
        // Bytes in a nanosecond are gigabytes in a second.
        Some(self.input_bytes? as f64 / summary.median * 1e3)
    }
}

impl Cell {
    pub(crate) fn median(&self) -> Option<f64> {
        match self {
            Cell::Measured(summary) => Some(summary.median),
            Cell::Unable(_) => None,
        }
    }
}

impl Report {
    pub(crate) fn new(options: &Options, contenders: &[Box<dyn Contender>]) -> Report {
        let named =
            |one: &dyn Contender| Named { name: one.name().to_string(), version: one.version() };
        Report {
            machine: Machine::this(),
            rounds: options.rounds(),
            quick: options.quick,
            contenders: contenders.iter().map(|one| named(&**one)).collect(),
            rows: Vec::new(),
        }
    }

    /// Sections, in order.
    pub(crate) fn sections(&self) -> Vec<&str> {
        let mut sections: Vec<&str> = self.rows.iter().map(|row| row.section.as_str()).collect();
        sections.dedup();
        sections
    }

    /// Where a contender is in every row.
    pub(crate) fn place_of(&self, name: &str) -> Option<usize> {
        self.contenders.iter().position(|one| one.name == name)
    }

    /// What a section's rows are compared with; all of one section with the same.
    pub(crate) fn baseline_of(&self, section: &str) -> &'static str {
        self.rows.iter().find(|row| row.section == section).map_or(BASELINE, |row| row.baseline)
    }

    /// A section's name, with what it is compared with if that is not the usual.
    pub(crate) fn title(&self, section: &str) -> String {
        title(section, self.baseline_of(section))
    }

    /// The median of a contender in a row, divided by that of its baseline.
    pub(crate) fn ratio(&self, row: &Row, contender: usize) -> Option<f64> {
        Some(row.cells[contender].median()? / row.cells[self.place_of(row.baseline)?].median()?)
    }

    /// The geometric mean of ratios over the rows of a section that both did, and how many these are.
    pub(crate) fn mean_ratio(&self, section: &str, contender: usize) -> Option<(f64, usize)> {
        let rows = self.rows.iter().filter(|row| row.section == section);
        let ratios: Vec<f64> = rows.filter_map(|row| self.ratio(row, contender)).collect();
        Some((geometric_mean(&ratios)?, ratios.len()))
    }
}
