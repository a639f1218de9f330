//! The machine that was measured on.

use serde::Serialize;
use std::fs;

/// What readers of numbers want to know first.
#[derive(Serialize)]
pub(crate) struct Machine {
    pub(crate) processor: String,
    pub(crate) threads: usize,
    pub(crate) system: String,
    /// Load average of the last minute: what else was running when measuring began.
    pub(crate) load: String,
}

impl Machine {
    pub(crate) fn this() -> Machine {
        let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
        let cpuinfo = read("/proc/cpuinfo");
        let model = cpuinfo.lines().find(|line| line.starts_with("model name"));
        Machine {
            processor: model
                .and_then(|line| line.split(": ").nth(1))
                .unwrap_or(std::env::consts::ARCH)
                .to_string(),
            threads: std::thread::available_parallelism().map_or(1, usize::from),
            system: format!("Linux {}", read("/proc/sys/kernel/osrelease").trim()),
            load: read("/proc/loadavg").split(' ').next().unwrap_or_default().to_string(),
        }
    }
}
