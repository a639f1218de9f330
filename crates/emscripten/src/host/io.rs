//! Reading and writing: the functions named `fd_*`, as in WASI preview 1.

use std::sync::Arc;

use crate::ctx::{Call, Emscripten, now};
use crate::errno::Errno;
use crate::fs::open::{At, Open};
use crate::fs::stat::kind;
use crate::guest::Guest;
use crate::stream::lock;

/// Buffers of one call, as `IOV_MAX`.
const MAX_BUFFERS: u32 = 1024;
/// So many bytes in several buffers are written by one call, so that lines stay whole.
const GATHER: usize = 4096;

/// Where the buffers of a call are; all are within the memory. Those of a shared one come in parts.
fn buffers(guest: &Guest<'_>, iovs: u32, count: u32) -> Result<Vec<(u32, u32)>, Errno> {
    if count > MAX_BUFFERS {
        return Err(Errno::INVAL);
    }
    let table = guest.bytes(iovs, count * 8)?;
    let mut found = Vec::with_capacity(count as usize);
    let mut total = 0_u64;
    for row in table.chunks_exact(8) {
        let word = |at: usize| u32::from_le_bytes(row[at..at + 4].try_into().expect("4 bytes"));
        let (addr, len) = (word(0), word(4));
        if u64::from(addr) + u64::from(len) > guest.len() as u64 {
            return Err(Errno::FAULT);
        }
        total += u64::from(len);
        if total > i32::MAX as u64 {
            return Err(Errno::INVAL);
        }
        match guest.is_shared() {
            true => found.extend(guest.parts(addr, len)?),
            false => found.push((addr, len)),
        }
    }
    Ok(found)
}

fn open(ctx: &Emscripten, fd: u32) -> Result<Arc<Open>, Errno> {
    lock(&ctx.shared.files).get(fd)
}

/// Writes the buffers; a part is enough if the rest fails.
fn write(
    guest: &Guest<'_>,
    open: &Open,
    iovs: u32,
    count: u32,
    offset: Option<u64>,
) -> Result<u32, Errno> {
    let buffers = buffers(guest, iovs, count)?;
    let now = now();
    let total: usize = buffers.iter().map(|(_, len)| *len as usize).sum();
    let at = |done: u32| match offset {
        None => Ok(At::Position),
        Some(offset) => offset.checked_add(done.into()).map(At::Offset).ok_or(Errno::FBIG),
    };
    if total <= GATHER && buffers.len() > 1 {
        let mut gathered = [0; GATHER];
        let mut len = 0;
        for (addr, part) in buffers {
            guest.read(addr, &mut gathered[len..len + part as usize])?;
            len += part as usize;
        }
        return Ok(open.write(&gathered[..len], at(0)?, now)? as u32);
    }
    let mut done = 0;
    for (addr, len) in buffers {
        let bytes = guest.bytes(addr, len)?;
        match at(done).and_then(|at| open.write(&bytes, at, now)) {
            Ok(count) => {
                done += count as u32;
                if count < len as usize {
                    break;
                }
            }
            Err(errno) if done == 0 => return Err(errno),
            Err(_) => break,
        }
    }
    Ok(done)
}

fn read(
    guest: &mut Guest<'_>,
    open: &Open,
    iovs: u32,
    count: u32,
    offset: Option<u64>,
) -> Result<u32, Errno> {
    let buffers = buffers(guest, iovs, count)?;
    if buffers.is_empty() {
        open.read(&mut [], offset.map_or(At::Position, At::Offset))?;
    }
    let mut done = 0_u32;
    for (addr, len) in buffers {
        let at = match offset {
            None => At::Position,
            Some(offset) => match offset.checked_add(done.into()) {
                Some(offset) => At::Offset(offset),
                None => break,
            },
        };
        if done > 0 && len == 0 {
            continue;
        }
        match guest.fill(addr, len, |buffer| open.read(buffer, at)) {
            Ok(count) => {
                done += count as u32;
                // What waits for a terminal would wait for more than there is.
                if count < len as usize {
                    break;
                }
            }
            Err(errno) if done == 0 => return Err(errno),
            Err(_) => break,
        }
    }
    Ok(done)
}

fn offset(offset: i64) -> Result<u64, Errno> {
    u64::try_from(offset).map_err(|_| Errno::INVAL)
}

/// Writes, and stores how much.
pub(crate) fn fd_write(
    ctx: &Emscripten,
    guest: &mut Guest<'_>,
    fd: u32,
    iovs: u32,
    count: u32,
    result: u32,
) -> Result<(), Errno> {
    let open = open(ctx, fd)?;
    // The result has to have a place before anything happens.
    guest.u32(result)?;
    let written = write(guest, &open, iovs, count, None)?;
    Ok(guest.put_u32(result, written)?)
}

pub(super) fn fd_pwrite(call: &mut Call<'_>) -> Result<(), Errno> {
    let (fd, iovs, count) = (call.args.u32(), call.args.u32(), call.args.u32());
    let (offset, result) = (offset(call.args.i64())?, call.args.u32());
    let open = open(call.ctx, fd)?;
    call.guest.u32(result)?;
    let written = write(&call.guest, &open, iovs, count, Some(offset))?;
    Ok(call.guest.put_u32(result, written)?)
}

pub(super) fn fd_read(call: &mut Call<'_>) -> Result<(), Errno> {
    let (fd, iovs, count) = (call.args.u32(), call.args.u32(), call.args.u32());
    let result = call.args.u32();
    let open = open(call.ctx, fd)?;
    call.guest.u32(result)?;
    let count = read(&mut call.guest, &open, iovs, count, None)?;
    Ok(call.guest.put_u32(result, count)?)
}

pub(super) fn fd_pread(call: &mut Call<'_>) -> Result<(), Errno> {
    let (fd, iovs, count) = (call.args.u32(), call.args.u32(), call.args.u32());
    let (offset, result) = (offset(call.args.i64())?, call.args.u32());
    let open = open(call.ctx, fd)?;
    call.guest.u32(result)?;
    let count = read(&mut call.guest, &open, iovs, count, Some(offset))?;
    Ok(call.guest.put_u32(result, count)?)
}

pub(super) fn fd_seek(call: &mut Call<'_>) -> Result<(), Errno> {
    let (fd, offset) = (call.args.u32(), call.args.i64());
    let (whence, result) = (call.args.u32(), call.args.u32());
    let open = open(call.ctx, fd)?;
    call.guest.u64(result)?;
    let position = open.seek(offset, whence)?;
    Ok(call.guest.put_u64(result, position)?)
}

pub(super) fn fd_close(call: &mut Call<'_>) -> Result<(), Errno> {
    let fd = call.args.u32();
    // Bound, so that it is closed when the lock is free again.
    let _open = lock(&call.ctx.shared.files).remove(fd)?;
    Ok(())
}

pub(super) fn fd_sync(call: &mut Call<'_>) -> Result<(), Errno> {
    open(call.ctx, call.args.u32())?.sync()
}

/// `struct __wasi_fdstat_t`: only the type of file is known, as in Emscripten.
pub(super) fn fd_fdstat_get(call: &mut Call<'_>) -> Result<(), Errno> {
    let (fd, result) = (call.args.u32(), call.args.u32());
    let open = open(call.ctx, fd)?;
    let file_type = match open.stat(0)?.mode & kind::MASK {
        _ if open.is_terminal() => 2,
        kind::DIR => 3,
        _ => 4,
    };
    let mut bytes = [0; 24];
    bytes[0] = file_type;
    Ok(call.guest.write(result, &bytes)?)
}
