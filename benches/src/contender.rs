//! What a contender is, and what it can be asked to do.

use crate::corpus::Workload;
use crate::guests::{Guest, Input};
use std::rc::Rc;

/// Something that runs WebAssembly, or what stands in for it.
pub(crate) trait Contender {
    /// One word, as it is named on the command line and in reports.
    fn name(&self) -> &'static str;

    /// Version and what else tells it from others of the same name.
    fn version(&self) -> String;

    /// How often a task is done before it is timed.
    fn warm_up(&self) -> usize {
        1
    }

    /// Whether every sampler is a process of its own, so that none has to be started for one.
    fn is_process(&self) -> bool {
        false
    }

    /// Does what precedes the measured work; or says why the task cannot be done, in a few words.
    fn prepare(&self, task: &Task) -> Result<Sampler, String>;
}

/// Something to measure.
#[derive(Clone)]
pub(crate) enum Task {
    /// Calls the function `run` of an instance that exists.
    Run(&'static Workload),
    /// Makes code of a module.
    Compile(Rc<Input>, Threads),
    /// Not a time: bytes of machine code.
    CodeSize(Rc<Input>),
    /// From bytes in memory to a result, with everything in between. In a fresh process.
    FirstResult(Rc<Guest>),
    /// The same with code that an earlier process left in a file. In a fresh process.
    FirstResultWarm(Rc<Guest>),
    /// Makes a store, an instance of compiled code in it, and drops both.
    Instantiate(Instantiate),
    /// Calls the guest's addition, over and over.
    HostToWasm(Typing),
    /// The guest calls the host's addition, over and over.
    WasmToHost(Typing),
    /// Grows a memory by a page, over and over.
    Grow,
    /// Calls a function that traps, over and over.
    Trap(Fault),
    /// Stops a guest that runs forever: from the request to the return of the call.
    Interrupt,
    /// Not a time: bytes that each of 1,000 instances adds to the process. In a fresh process.
    Resident,
    /// Calls of WASI.
    #[cfg(feature = "wasi")]
    Wasi(Rc<crate::contenders::wasi::Files>, crate::contenders::wasi::Work),
    /// Runs what Emscripten made.
    #[cfg(feature = "emscripten")]
    Emscripten(&'static crate::contenders::emscripten::Program),
}

/// How many threads compile.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Threads {
    One,
    All,
}

/// What is instantiated.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Instantiate {
    /// A page of memory, a few bytes of data, an import.
    Small,
    /// 16 MiB of memory with 1 MiB of data.
    Data,
    /// The same, and a byte of each page of data is written.
    DataWritten,
}

/// How values pass the host's boundary.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Typing {
    /// As Rust values whose types are checked once.
    Typed,
    /// As lists of tagged values.
    Dynamic,
}

/// Why a guest traps.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// It executes `unreachable`.
    Unreachable,
    /// It loads from beyond its memory.
    Memory,
}

/// Repeats a prepared task, each time with one measurement.
pub(crate) type Sampler = Box<dyn FnMut() -> Result<Sample, String>>;

/// One measurement.
#[derive(Clone, Copy)]
pub(crate) struct Sample {
    /// In the unit of the measure, for one operation.
    pub(crate) value: f64,
    /// What was computed.
    pub(crate) result: i64,
}
