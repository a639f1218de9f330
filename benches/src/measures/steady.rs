//! Steady state: the time of a program that was compiled and run before.

use super::{Measure, time};
use crate::contender::Task;
use crate::corpus;

pub(super) fn measures() -> Vec<Measure> {
    let measure = |workload: &'static corpus::Workload| Measure {
        expected: Some(workload.expected),
        ..time(workload.kind.section(), workload.name, workload.about, Task::Run(workload))
    };
    corpus::WORKLOADS.iter().map(measure).collect()
}
