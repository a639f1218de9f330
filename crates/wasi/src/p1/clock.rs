//! Clocks: the time of day, and a monotonic clock that starts with the context.
//!
//! Deliberately absent: the CPU-time clocks (`EINVAL`). They would count the work of the whole
//! host process, other guests included.

use std::time::{SystemTime, UNIX_EPOCH};

use crate::ctx::WasiCtx;
use crate::errno::Errno;
use crate::guest::Guest;

/// Both clocks are kept in nanoseconds by the host, and read at that resolution.
const RESOLUTION_NANOSECONDS: u64 = 1;

/// A supported `$clockid`.
#[derive(Debug, Clone, Copy)]
pub(super) enum Clock {
    Realtime,
    Monotonic,
}

impl Clock {
    pub(super) fn from_id(id: u32) -> Result<Clock, Errno> {
        match id {
            0 => Ok(Clock::Realtime),
            1 => Ok(Clock::Monotonic),
            _ => Err(Errno::INVAL),
        }
    }

    /// This clock's time in nanoseconds.
    pub(super) fn now(self, ctx: &WasiCtx) -> Result<u64, Errno> {
        let elapsed = match self {
            Clock::Realtime => {
                SystemTime::now().duration_since(UNIX_EPOCH).map_err(|_| Errno::OVERFLOW)?
            }
            Clock::Monotonic => ctx.epoch.elapsed(),
        };
        u64::try_from(elapsed.as_nanos()).map_err(|_| Errno::OVERFLOW)
    }
}

pub(super) fn clock_res_get(
    _: &mut WasiCtx,
    mut guest: Guest<'_>,
    id: u32,
    result: u32,
) -> Result<(), Errno> {
    let result = guest.span(result, 8)?;
    Clock::from_id(id)?;
    guest.put_u64(result, RESOLUTION_NANOSECONDS);
    Ok(())
}

pub(super) fn clock_time_get(
    ctx: &mut WasiCtx,
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
