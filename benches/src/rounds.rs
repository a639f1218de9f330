//! Takes one measure: all contenders in turns.

use crate::child;
use crate::contender::{Contender, Sampler, Task};
use crate::measures::Measure;
use crate::options::Options;
use crate::report::{Cell, Row};
use crate::stats::Summary;
use std::time::{Duration, Instant};

/// Programs are compiled and instantiated anew after so many rounds. Where code and memory happen to lie changes the
/// speed of some by tens of percents, so that all rounds of one placement would measure that.
const PLACEMENT: usize = 2;

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
    progress: &dyn Fn(&str),
) -> Row {
    // Without a known result, that of the first contender is what the others must have, too.
    let mut expected = measure.expected;
    let expected = &mut expected;
    let mut runners: Vec<Runner> = Vec::new();
    for contender in contenders {
        progress(&format!("{} prepares", contender.name()));
        runners.push(start(measure, &**contender, options, expected));
    }
    for round in 0..options.rounds() {
        progress(&format!("round {} of {}", round + 1, options.rounds()));
        if round > 0 && round % PLACEMENT == 0 && matches!(measure.task, Task::Run(_)) {
            for (runner, contender) in runners.iter_mut().zip(contenders) {
                if !contender.is_process() && !runner.is_done(options) {
                    runner.place_anew(measure, &**contender);
                }
            }
        }
        // Who goes first changes, so that nobody profits from what the one before leaves behind.
        let count = runners.len();
        for place in 0..count {
            let runner = &mut runners[(round + place) % count];
            if !runner.is_done(options) {
                runner.sample(measure, expected);
            }
        }
    }
    Row {
        section: measure.section.to_string(),
        name: measure.name.clone(),
        about: measure.about.clone(),
        unit: measure.unit,
        baseline: measure.baseline,
        input_bytes: measure.input_bytes(),
        cells: runners.into_iter().map(Runner::cell).collect(),
    }
}

/// Prepares and warms up.
fn start(
    measure: &Measure,
    contender: &dyn Contender,
    options: &Options,
    expected: &mut Option<i64>,
) -> Runner {
    let state = match measure.fresh && !contender.is_process() {
        true => child::sampler(contender, measure),
        false => contender.prepare(&measure.task),
    };
    let mut runner = Runner { state, samples: Vec::new(), spent: Duration::ZERO };
    for _ in 0..contender.warm_up() {
        runner.sample(measure, expected);
    }
    // What takes too long to be done again only to forget this one is not warmer the second time.
    if contender.warm_up() > 1 || runner.spent < options.budget() {
        runner.samples.clear();
        runner.spent = Duration::ZERO;
    }
    runner
}

impl Runner {
    /// Whether its time is up: what takes long is still done a few times, unless it takes very long.
    fn is_done(&self, options: &Options) -> bool {
        let (spent, budget) = (self.spent, options.budget());
        spent >= budget && (self.samples.len() >= 3 || spent >= 4 * budget)
    }

    /// Prepares once more, and warms up.
    fn place_anew(&mut self, measure: &Measure, contender: &dyn Contender) {
        if self.state.is_ok() {
            // The one before is kept until the new one exists, which is therefore elsewhere.
            self.state = contender.prepare(&measure.task).and_then(|mut sampler| {
                sampler()?;
                Ok(sampler)
            });
        }
    }

    fn sample(&mut self, measure: &Measure, expected: &mut Option<i64>) {
        let Ok(sampler) = &mut self.state else { return };
        let start = Instant::now();
        let outcome = sampler().and_then(|sample| measure.check(&sample, expected));
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
