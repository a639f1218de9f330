//! Calls between host and guest.

use super::{Measure, time};
use crate::contender::{Task, Typing};

pub(super) fn measures() -> Vec<Measure> {
    let call = |name, about, task| time("calls", name, about, task);
    vec![
        call("host to wasm, typed", "checked once", Task::HostToWasm(Typing::Typed)),
        call("host to wasm, dynamic", "tagged values", Task::HostToWasm(Typing::Dynamic)),
        call("wasm to host, typed", "a closure over i32", Task::WasmToHost(Typing::Typed)),
        call("wasm to host, dynamic", "tagged values", Task::WasmToHost(Typing::Dynamic)),
    ]
}
