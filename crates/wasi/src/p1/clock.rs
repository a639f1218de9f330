//! Clocks: the time of day, a monotonic clock, and CPU time.

use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

use crate::ctx::{State, lock};
use crate::errno::Errno;
use crate::guest::Guest;

/// `$clockid`.
#[derive(Debug, Clone, Copy)]
pub(super) enum Clock {
    Realtime,
    Monotonic,
    /// CPU time of the host process: that of this guest, of others, and of the host.
    ProcessCpuTime,
    /// CPU time of the thread that makes the call.
    ThreadCpuTime,
}

impl Clock {
    pub(super) fn from_id(id: u32) -> Result<Clock, Errno> {
        match id {
            0 => Ok(Clock::Realtime),
            1 => Ok(Clock::Monotonic),
            2 => Ok(Clock::ProcessCpuTime),
            3 => Ok(Clock::ThreadCpuTime),
            _ => Err(Errno::INVAL),
        }
    }

    /// This clock's time in nanoseconds.
    pub(super) fn now(self, ctx: &State) -> Result<u64, Errno> {
        match self {
            Clock::Realtime => nanoseconds(ctx.clocks.wall_time()),
            Clock::Monotonic => Ok(ctx.clocks.monotonic_time()),
            // A guest whose time is virtual is to see no other.
            _ if ctx.clocks.monotonic.is_some() => Ok(ctx.clocks.monotonic_time()),
            Clock::ProcessCpuTime => cpu_time(ClockId::ProcessCPUTime),
            Clock::ThreadCpuTime => cpu_time(ClockId::ThreadCPUTime),
        }
    }

    /// Its smallest step in nanoseconds, at least 1, which is that of all clocks of Linux.
    fn resolution(self, ctx: &State) -> Result<u64, Errno> {
        let resolution = match (self, &ctx.clocks.wall, &ctx.clocks.monotonic) {
            (Clock::Realtime, Some(clock), _) => nanoseconds(lock(clock).resolution())?,
            (Clock::Realtime, None, _) | (_, _, None) => 1,
            (_, _, Some(clock)) => lock(clock).resolution(),
        };
        Ok(resolution.max(1))
    }
}

fn nanoseconds(time: Duration) -> Result<u64, Errno> {
    u64::try_from(time.as_nanos()).map_err(|_| Errno::OVERFLOW)
}

fn cpu_time(clock: ClockId) -> Result<u64, Errno> {
    let time = clock_gettime(clock);
    let nanoseconds = i128::from(time.tv_sec) * 1_000_000_000 + i128::from(time.tv_nsec);
    u64::try_from(nanoseconds).map_err(|_| Errno::OVERFLOW)
}

pub(super) fn clock_res_get(
    ctx: &State,
    mut guest: Guest<'_>,
    id: u32,
    result: u32,
) -> Result<(), Errno> {
    let result = guest.span(result, 8)?;
    let resolution = Clock::from_id(id)?.resolution(ctx)?;
    guest.put_u64(result, resolution);
    Ok(())
}

pub(super) fn clock_time_get(
    ctx: &State,
    mut guest: Guest<'_>,
    id: u32,
    _precision: u64,
    result: u32,
) -> Result<(), Errno> {
    let result = guest.span(result, 8)?;
    let now = Clock::from_id(id)?.now(ctx)?;
    guest.put_u64(result, now);
    Ok(())
}
