//! The clocks behind a guest's clocks: the system's, or the embedder's.

use std::sync::Mutex;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use crate::ctx::lock;

/// A source of the time of day.
pub trait HostWallClock: Send {
    /// The smallest step that the clock shows.
    fn resolution(&self) -> Duration;
    /// The time since the beginning of 1970, UTC.
    fn now(&self) -> Duration;
}

/// A source of time that never goes back.
pub trait HostMonotonicClock: Send {
    /// The smallest step that the clock shows, in nanoseconds.
    fn resolution(&self) -> u64;
    /// Nanoseconds since a moment of the clock's own choice.
    fn now(&self) -> u64;
}

/// The clocks of one guest.
pub(crate) struct Clocks {
    /// The embedder's, instead of the system's.
    pub(crate) wall: Option<Mutex<Box<dyn HostWallClock>>>,
    /// Likewise. CPU time, too, is what it says.
    pub(crate) monotonic: Option<Mutex<Box<dyn HostMonotonicClock>>>,
    /// Zero of the system's monotonic clock: a guest does not learn how long the host has been up.
    pub(crate) epoch: Instant,
}

impl Clocks {
    /// The time since the beginning of 1970; a system set to a time before is taken to be there.
    pub(crate) fn wall_time(&self) -> Duration {
        match &self.wall {
            Some(clock) => lock(clock).now(),
            None => SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default(),
        }
    }

    /// In nanoseconds.
    pub(crate) fn monotonic_time(&self) -> u64 {
        match &self.monotonic {
            Some(clock) => lock(clock).now(),
            // 2^64 nanoseconds are 584 years.
            None => self.epoch.elapsed().as_nanos() as u64,
        }
    }
}
