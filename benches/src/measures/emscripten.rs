//! Programs that Emscripten made, compared with what they do by its JavaScript in V8.

use super::{Measure, time};
use crate::contender::Task;
use crate::contenders::emscripten::{PROGRAMS, Program};

pub(super) fn measures() -> Vec<Measure> {
    let measure = |program: &'static Program| Measure {
        expected: Some(program.expected),
        baseline: "v8",
        ..time("emscripten", program.name, program.about, Task::Emscripten(program))
    };
    PROGRAMS.iter().map(measure).collect()
}
