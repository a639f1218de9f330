//! Randomness, from its source straight into the guest's memory.

use crate::ctx::{State, lock};
use crate::errno::Errno;
use crate::guest::{Buffers, Guest};

/// Bytes drawn at once. The system's source cannot be interrupted before they are there.
const CHUNK_BYTES: usize = 1 << 20;

pub(super) fn random_get(
    ctx: &State,
    mut guest: Guest<'_>,
    buf: u32,
    len: u32,
) -> Result<(), Errno> {
    let mut span = guest.span(buf, len)?;
    while span.len() > 0 {
        let chunk = Buffers::of(span.prefix(CHUNK_BYTES));
        let filled = guest.scatter(&chunk, |slices| fill(ctx, &mut slices[0]))?;
        span = span.skip(filled);
    }
    Ok(())
}

fn fill(ctx: &State, bytes: &mut [u8]) -> Result<usize, Errno> {
    match &ctx.random {
        Some(source) => lock(source)(bytes),
        None => getrandom::fill(bytes).map_err(|_| Errno::IO)?,
    }
    Ok(bytes.len())
}
