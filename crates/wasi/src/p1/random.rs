//! Randomness, from the operating system straight into the guest's memory.

use crate::ctx::WasiCtx;
use crate::errno::Errno;
use crate::guest::Guest;

pub(super) fn random_get(
    _: &mut WasiCtx,
    mut guest: Guest<'_>,
    buf: u32,
    len: u32,
) -> Result<(), Errno> {
    let span = guest.span(buf, len)?;
    getrandom::fill(guest.bytes_mut(span)).map_err(|_| Errno::IO)
}
