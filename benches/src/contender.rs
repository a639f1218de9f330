//! What a contender is, and what it can be asked to do.

use crate::corpus::Workload;

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

    /// Does what precedes the measured work; or says why the task cannot be done, in a few words.
    fn prepare(&self, task: &Task) -> Result<Sampler, String>;
}

/// Something to measure.
pub(crate) enum Task {
    /// Calls the function `run` of an instance that exists.
    Run(&'static Workload),
}

/// Repeats a prepared task, each time with one measurement.
pub(crate) type Sampler = Box<dyn FnMut() -> Result<Sample, String>>;

/// One measurement.
pub(crate) struct Sample {
    /// In the unit of the measure.
    pub(crate) value: f64,
    /// What was computed.
    pub(crate) result: i64,
}
