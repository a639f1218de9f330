//! Calls of WASI, all contenders on the same files.

use super::{Measure, time};
use crate::contender::Task;
use crate::contenders::wasi::{Files, WORK, Work};
use std::rc::Rc;

pub(super) fn measures() -> Vec<Measure> {
    let files = Rc::new(Files::default());
    let measure =
        |work: Work| time("wasi", work.name, "an operation", Task::Wasi(files.clone(), work));
    WORK.into_iter().map(measure).collect()
}
