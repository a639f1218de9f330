//! Ending the process: by its own exit, and by a signal.

use palisade::{Error, Result};

use crate::errno::Errno;
use crate::exit::I32Exit;

/// What a shell adds to the number of the signal that a process died of.
const DIED_OF_SIGNAL: i32 = 128;

pub(super) fn proc_exit(code: u32) -> Result<()> {
    Err(Error::new(I32Exit(code.cast_signed())))
}

/// Does what is the default for a signal: nothing, or the end of the guest with 128 and the
/// number that Linux gives the signal as its exit code. A guest has no handlers, and cannot be
/// stopped to be continued later (`ENOTSUP`).
pub(super) fn proc_raise(signal: u32) -> Result<u32> {
    let linux = match signal {
        // None, PIPE, CHLD, CONT, URG, WINCH: ignored, says `$signal`.
        0 | 13 | 16 | 17 | 22 | 27 => return Ok(0),
        // STOP, TSTP, TTIN, TTOU.
        18..=21 => return Ok(Errno::NOTSUP.code().into()),
        // HUP to TERM: the numbers of Linux.
        1..=15 => signal,
        // XCPU, XFSZ, VTALRM, PROF, and after WINCH: POLL, PWR, SYS.
        23..=26 => signal + 1,
        28..=30 => signal + 1,
        _ => return Ok(Errno::INVAL.code().into()),
    };
    Err(Error::new(I32Exit(DIED_OF_SIGNAL + linux.cast_signed())))
}
