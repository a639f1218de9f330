//! The lines of the report.

mod steady;

use crate::contender::{Sample, Task};
use crate::options::Options;
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
}

/// What samples are counted in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Unit {
    Nanoseconds,
}

impl Measure {
    /// How it is found by a filter.
    pub(crate) fn full_name(&self) -> String {
        format!("{}/{}", self.section, self.name)
    }

    /// The value of a sample whose result is right.
    pub(crate) fn check(&self, sample: &Sample) -> Result<f64, String> {
        match self.expected {
            Some(expected) if expected != sample.result => {
                Err(format!("wrong result {} instead of {expected}", sample.result))
            }
            _ => Ok(sample.value),
        }
    }
}

/// Those that the options ask for.
pub(crate) fn chosen(options: &Options) -> Vec<Measure> {
    let mut all = steady::measures();
    all.retain(|measure| options.wants(&measure.full_name()));
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wrong_result_has_no_time() {
        let measure = &steady::measures()[0];
        let expected = measure.expected.expect("the corpus has results");
        assert_eq!(measure.check(&Sample { value: 2.5, result: expected }), Ok(2.5));
        let wrong = measure.check(&Sample { value: 2.5, result: expected ^ 1 });
        assert!(wrong.unwrap_err().starts_with("wrong result"));
    }
}
