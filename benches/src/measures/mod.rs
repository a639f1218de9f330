//! The lines of the report.

mod boundary;
mod compile;
#[cfg(feature = "emscripten")]
mod emscripten;
mod first_result;
mod runtime;
mod steady;
#[cfg(feature = "wasi")]
mod wasi;

use crate::contender::{Sample, Task};
use crate::options::Options;
use crate::report::BASELINE;
use serde::Serialize;

/// One line of the report.
pub(crate) struct Measure {
    /// Those of one section belong together, and have a mean.
    pub(crate) section: &'static str,
    pub(crate) name: String,
    /// What is measured, in a few words.
    pub(crate) about: String,
    pub(crate) task: Task,
    pub(crate) unit: Unit,
    /// What every contender must compute, if that is known beforehand.
    pub(crate) expected: Option<i64>,
    /// Whether each sample needs a fresh process.
    pub(crate) fresh: bool,
    /// The contender that others are compared with.
    pub(crate) baseline: &'static str,
}

/// What samples are counted in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Unit {
    Nanoseconds,
    Bytes,
}

impl Measure {
    /// How it is found by a filter.
    pub(crate) fn full_name(&self) -> String {
        format!("{}/{}", self.section, self.name)
    }

    /// The value of a sample whose result is right. If there is none to compare with yet, this one is from now on.
    pub(crate) fn check(&self, sample: &Sample, expected: &mut Option<i64>) -> Result<f64, String> {
        match *expected.get_or_insert(sample.result) {
            right if right == sample.result => Ok(sample.value),
            right => Err(format!("wrong result {} instead of {right}", sample.result)),
        }
    }

    /// Bytes of the module that is compiled, if that is what is measured.
    pub(crate) fn input_bytes(&self) -> Option<usize> {
        match &self.task {
            Task::Compile(input, _) => input.bytes().ok().map(|bytes| bytes.len()),
            _ => None,
        }
    }
}

/// A measure in nanoseconds.
fn time(section: &'static str, name: &str, about: &str, task: Task) -> Measure {
    Measure {
        section,
        name: name.to_string(),
        about: about.to_string(),
        task,
        unit: Unit::Nanoseconds,
        expected: None,
        fresh: false,
        baseline: BASELINE,
    }
}

/// All of them, in the order of reports.
pub(crate) fn all() -> Vec<Measure> {
    let mut all = steady::measures();
    all.extend(compile::measures());
    all.extend(first_result::measures());
    all.extend(boundary::measures());
    all.extend(runtime::measures());
    #[cfg(feature = "wasi")]
    all.extend(wasi::measures());
    #[cfg(feature = "emscripten")]
    all.extend(emscripten::measures());
    all
}

/// Those that the options ask for. A quick run leaves the large program out, unless it is asked for by name.
pub(crate) fn chosen(options: &Options) -> Vec<Measure> {
    let mut all = all();
    all.retain(|measure| {
        let name = measure.full_name();
        let long = options.quick && options.filter.is_empty() && is_long(&name);
        options.wants(&name) && !long
    });
    all
}

/// Whether a measure is too long for a quick run.
fn is_long(name: &str) -> bool {
    name.contains("ruby") || name.starts_with("wasi/") || name == "emscripten/printf to a pipe"
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    fn sample(result: i64) -> Sample {
        Sample { value: 2.5, result }
    }

    #[test]
    fn a_wrong_result_has_no_time() {
        let measure = &all()[0];
        let mut expected = measure.expected;
        let right = expected.expect("the corpus has results");
        assert_eq!(measure.check(&sample(right), &mut expected), Ok(2.5));
        let wrong = measure.check(&sample(right ^ 1), &mut expected);
        assert!(wrong.unwrap_err().starts_with("wrong result"));
    }

    #[test]
    fn without_a_known_result_the_first_counts() {
        let mut expected = None;
        let measure = &all()[0];
        assert_eq!(measure.check(&sample(3), &mut expected), Ok(2.5));
        assert!(measure.check(&sample(4), &mut expected).is_err());
        assert_eq!(measure.check(&sample(3), &mut expected), Ok(2.5));
    }

    #[test]
    fn names_are_unique() {
        let measures = all();
        let names: HashSet<String> = measures.iter().map(Measure::full_name).collect();
        assert_eq!(names.len(), measures.len());
    }
}
