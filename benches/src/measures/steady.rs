//! Steady state: the time of a program that was compiled and run before.

use super::{Measure, Unit};
use crate::contender::Task;
use crate::corpus;

pub(crate) fn measures() -> Vec<Measure> {
    let measure = |workload: &'static corpus::Workload| Measure {
        section: workload.kind.section(),
        name: workload.name.to_string(),
        about: workload.about.to_string(),
        task: Task::Run(workload),
        unit: Unit::Nanoseconds,
        expected: Some(workload.expected),
    };
    corpus::WORKLOADS.iter().map(measure).collect()
}
