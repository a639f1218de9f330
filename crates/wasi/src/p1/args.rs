//! Arguments and environment: two arrays of strings, laid out as C has them.

use crate::ctx::State;
use crate::errno::Errno;
use crate::guest::Guest;

pub(super) fn args_get(ctx: &State, guest: Guest<'_>, argv: u32, buf: u32) -> Result<(), Errno> {
    put_strings(guest, &ctx.args, argv, buf)
}

pub(super) fn args_sizes_get(
    ctx: &State,
    guest: Guest<'_>,
    count: u32,
    size: u32,
) -> Result<(), Errno> {
    put_sizes(guest, &ctx.args, count, size)
}

pub(super) fn environ_get(
    ctx: &State,
    guest: Guest<'_>,
    environ: u32,
    buf: u32,
) -> Result<(), Errno> {
    put_strings(guest, &ctx.env, environ, buf)
}

pub(super) fn environ_sizes_get(
    ctx: &State,
    guest: Guest<'_>,
    count: u32,
    size: u32,
) -> Result<(), Errno> {
    put_sizes(guest, &ctx.env, count, size)
}

/// How many strings there are, and their bytes with a NUL after each.
fn sizes(strings: &[Vec<u8>]) -> Result<(u32, u32), Errno> {
    let bytes: usize = strings.iter().map(|string| string.len() + 1).sum();
    let count = u32::try_from(strings.len()).map_err(|_| Errno::TOOBIG)?;
    Ok((count, u32::try_from(bytes).map_err(|_| Errno::TOOBIG)?))
}

fn put_sizes(
    mut guest: Guest<'_>,
    strings: &[Vec<u8>],
    count_at: u32,
    size_at: u32,
) -> Result<(), Errno> {
    let (count_at, size_at) = (guest.span(count_at, 4)?, guest.span(size_at, 4)?);
    let (count, size) = sizes(strings)?;
    guest.put_u32(count_at, count);
    guest.put_u32(size_at, size);
    Ok(())
}

fn put_strings(
    mut guest: Guest<'_>,
    strings: &[Vec<u8>],
    pointers_at: u32,
    buf: u32,
) -> Result<(), Errno> {
    let (count, size) = sizes(strings)?;
    let mut pointers = guest.array(pointers_at, count, 4)?;
    let mut bytes = guest.span(buf, size)?;
    let mut address = buf;
    for string in strings {
        guest.put_u32(pointers, address);
        pointers = pointers.skip(4);
        for part in [string.as_slice(), b"\0"] {
            let count = guest.put(bytes, part);
            bytes = bytes.skip(count);
            // The span just checked ends at or below 2^32, so this wraps only when it is done.
            address = address.wrapping_add(count as u32);
        }
    }
    Ok(())
}
