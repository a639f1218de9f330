//! What the runtime does around code: instances, growth, traps, interruption, memory.

use super::{Measure, Unit, time};
use crate::contender::{Fault, Instantiate, Task};

pub(super) fn measures() -> Vec<Measure> {
    let instantiate =
        |name, about, which| time("store, instance, drop", name, about, Task::Instantiate(which));
    let service = |name, about, task| time("services", name, about, task);
    vec![
        instantiate("small", "a page of memory", Instantiate::Small),
        instantiate("1 MiB of data", "in 16 MiB of memory", Instantiate::Data),
        instantiate("1 MiB, written", "each page of data", Instantiate::DataWritten),
        service("memory.grow", "by a page", Task::Grow),
        service("trap, unreachable", "call and error", Task::Trap(Fault::Unreachable)),
        service("trap, out of bounds", "call and error", Task::Trap(Fault::Memory)),
        service("interrupt", "from request to return", Task::Interrupt),
        Measure {
            unit: Unit::Bytes,
            fresh: true,
            ..time("memory", "resident, an instance", "of 1,000 that live", Task::Resident)
        },
    ]
}
