//! Compilation: its time with one thread and with all, and what comes out of it.

use super::{Measure, Unit, time};
use crate::contender::{Task, Threads};
use crate::guests::Input;
use std::rc::Rc;

pub(super) fn measures() -> Vec<Measure> {
    let inputs = [Input::generated(), Input::sqlite(), Input::ruby("ruby")].map(Rc::new);
    let mut measures = Vec::new();
    for (section, threads) in
        [("compile, 1 thread", Threads::One), ("compile, all threads", Threads::All)]
    {
        for input in &inputs {
            let task = Task::Compile(input.clone(), threads);
            measures.push(time(section, input.name, "bytes to a module", task));
        }
    }
    for input in &inputs {
        let task = Task::CodeSize(input.clone());
        let measure = time("code size", input.name, "bytes of machine code", task);
        measures.push(Measure { unit: Unit::Bytes, ..measure });
    }
    measures
}
