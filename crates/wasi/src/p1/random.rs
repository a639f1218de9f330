//! Randomness, from its source straight into the guest's memory.

use crate::ctx::{State, lock};
use crate::errno::Errno;
use crate::guest::Guest;

/// Bytes drawn at once. The system's source cannot be interrupted before they are there.
const CHUNK_BYTES: usize = 1 << 20;

pub(super) fn random_get(
    ctx: &State,
    mut guest: Guest<'_>,
    buf: u32,
    len: u32,
) -> Result<(), Errno> {
    let span = guest.span(buf, len)?;
    for chunk in guest.bytes_mut(span).chunks_mut(CHUNK_BYTES) {
        match &ctx.random {
            Some(source) => lock(source)(chunk),
            None => getrandom::fill(chunk).map_err(|_| Errno::IO)?,
        }
    }
    Ok(())
}
