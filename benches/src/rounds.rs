//! Takes one measure: all contenders in turns.

use crate::contender::{Contender, Sampler};
use crate::measures::Measure;
use crate::options::Options;
use crate::report::{Cell, Row};
use crate::stats::Summary;
use std::time::{Duration, Instant};

/// A contender while a measure is taken.
struct Runner {
    state: Result<Sampler, String>,
    samples: Vec<f64>,
    spent: Duration,
}

/// Prepares the measure for all contenders, warms up, and takes samples in turns.
pub(crate) fn measure(
    measure: &Measure,
    contenders: &[Box<dyn Contender>],
    options: &Options,
) -> Row {
    let mut runners: Vec<Runner> =
        contenders.iter().map(|contender| start(measure, &**contender, options)).collect();
    for round in 0..options.rounds() {
        // Who goes first changes, so that nobody profits from what the one before leaves behind.
        let count = runners.len();
        for place in 0..count {
            let runner = &mut runners[(round + place) % count];
            if runner.spent < options.budget() || runner.samples.is_empty() {
                runner.sample(measure);
            }
        }
    }
    Row {
        section: measure.section.to_string(),
        name: measure.name.clone(),
        about: measure.about.clone(),
        unit: measure.unit,
        cells: runners.into_iter().map(Runner::cell).collect(),
    }
}

/// Prepares and warms up.
fn start(measure: &Measure, contender: &dyn Contender, options: &Options) -> Runner {
    let state = contender.prepare(&measure.task);
    let mut runner = Runner { state, samples: Vec::new(), spent: Duration::ZERO };
    for _ in 0..contender.warm_up() {
        runner.sample(measure);
    }
    // What takes too long to be done again only to forget this one is not warmer the second time.
    if contender.warm_up() > 1 || runner.spent < options.budget() {
        runner.samples.clear();
        runner.spent = Duration::ZERO;
    }
    runner
}

impl Runner {
    fn sample(&mut self, measure: &Measure) {
        let Ok(sampler) = &mut self.state else { return };
        let start = Instant::now();
        let outcome = sampler().and_then(|sample| measure.check(&sample));
        self.spent += start.elapsed();
        match outcome {
            Ok(value) => self.samples.push(value),
            Err(message) => self.state = Err(message),
        }
    }

    fn cell(self) -> Cell {
        match self.state {
            Ok(_) => Cell::Measured(Summary::of(&self.samples)),
            Err(reason) => Cell::Unable(reason),
        }
    }
}
