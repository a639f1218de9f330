//! First result: from a module's bytes in memory to what its program computes, in a process that did nothing before.

use super::{Measure, time};
use crate::contender::Task;
use crate::corpus::WORKLOADS;
use crate::guests::{Guest, Input, Script};
use std::rc::Rc;

/// Programs that are small, and what they are run with.
const SMALL: [(&str, i32); 4] = [("json", 2), ("raytrace", 20), ("regex", 5), ("virtual", 5)];

fn guests() -> Vec<Rc<Guest>> {
    let mut guests = Vec::new();
    for workload in WORKLOADS {
        if let Some((_, n)) = SMALL.iter().find(|(name, _)| *name == workload.name) {
            let input = Input::workload(workload);
            guests.push(Rc::new(Guest { input, script: Script::Run(*n) }));
        }
    }
    guests.push(Rc::new(Guest { input: Input::sqlite(), script: Script::Sqlite }));
    #[cfg(feature = "wasi")]
    for (name, script) in [("ruby", Script::Ruby), ("ruby, version", Script::RubyVersion)] {
        guests.push(Rc::new(Guest { input: Input::ruby(name), script }));
    }
    guests
}

fn expected(script: Script) -> Option<i64> {
    match script {
        Script::Run(_) => None,
        // The numbers to 500, and the lengths of "row 1" to "row 500".
        Script::Sqlite => Some(125_250 + 3_392),
        #[cfg(feature = "wasi")]
        Script::Ruby => Some(2),
        // It has returned.
        #[cfg(feature = "wasi")]
        Script::RubyVersion => Some(0),
    }
}

pub(super) fn measures() -> Vec<Measure> {
    let mut measures = Vec::new();
    for (section, task) in [
        ("first result, cold", Task::FirstResult as fn(Rc<Guest>) -> Task),
        ("first result, warm", Task::FirstResultWarm),
    ] {
        for guest in guests() {
            let (name, expected) = (guest.input.name, expected(guest.script));
            let measure = time(section, name, "a fresh process", task(guest));
            measures.push(Measure { fresh: true, expected, ..measure });
        }
    }
    measures
}
