//! Reading, writing and seeking.
//!
//! One call of the guest is one system call of the host, on slices of the guest's memory. Short
//! reads and writes are passed on as such.

use std::io::{Seek, SeekFrom};

use rustix::io::{preadv, pwritev, readv, retry_on_intr, writev};

use crate::ctx::WasiCtx;
use crate::descriptor::Descriptor;
use crate::errno::Errno;
use crate::guest::Guest;

pub(super) fn fd_read(
    ctx: &mut WasiCtx,
    mut guest: Guest<'_>,
    fd: u32,
    iovs: u32,
    iovs_len: u32,
    nread: u32,
) -> Result<(), Errno> {
    let nread = guest.span(nread, 4)?;
    let buffers = guest.buffers(iovs, iovs_len)?;
    let count = match ctx.fds.get(fd)? {
        Descriptor::Input(input) => guest.scatter(&buffers, |slices| input.read(slices))?,
        Descriptor::File(file) => {
            let file = file.for_reading()?;
            guest.scatter(&buffers, |slices| retry_on_intr(|| readv(file, slices)))?
        }
        Descriptor::Output(_) | Descriptor::Dir(_) => return Err(Errno::BADF),
    };
    // The buffers have less than 2^32 bytes in all.
    guest.put_u32(nread, count as u32);
    Ok(())
}

pub(super) fn fd_pread(
    ctx: &mut WasiCtx,
    mut guest: Guest<'_>,
    fd: u32,
    iovs: u32,
    iovs_len: u32,
    offset: u64,
    nread: u32,
) -> Result<(), Errno> {
    let nread = guest.span(nread, 4)?;
    let buffers = guest.buffers(iovs, iovs_len)?;
    let file = ctx.fds.file(fd)?.for_reading()?;
    check_offset(offset)?;
    let count = guest.scatter(&buffers, |slices| retry_on_intr(|| preadv(file, slices, offset)))?;
    guest.put_u32(nread, count as u32);
    Ok(())
}

pub(super) fn fd_write(
    ctx: &mut WasiCtx,
    mut guest: Guest<'_>,
    fd: u32,
    iovs: u32,
    iovs_len: u32,
    nwritten: u32,
) -> Result<(), Errno> {
    let nwritten = guest.span(nwritten, 4)?;
    let buffers = guest.buffers(iovs, iovs_len)?;
    let count = match ctx.fds.get(fd)? {
        Descriptor::Output(output) => guest.gather(&buffers, |slices| output.write(slices))?,
        Descriptor::File(file) => {
            let file = file.for_writing()?;
            guest.gather(&buffers, |slices| retry_on_intr(|| writev(file, slices)))?
        }
        Descriptor::Input(_) | Descriptor::Dir(_) => return Err(Errno::BADF),
    };
    guest.put_u32(nwritten, count as u32);
    Ok(())
}

/// Writes at `offset`. On a file opened to append, Linux appends all the same.
pub(super) fn fd_pwrite(
    ctx: &mut WasiCtx,
    mut guest: Guest<'_>,
    fd: u32,
    iovs: u32,
    iovs_len: u32,
    offset: u64,
    nwritten: u32,
) -> Result<(), Errno> {
    let nwritten = guest.span(nwritten, 4)?;
    let buffers = guest.buffers(iovs, iovs_len)?;
    let file = ctx.fds.file(fd)?.for_writing()?;
    check_offset(offset)?;
    let count = guest.gather(&buffers, |slices| retry_on_intr(|| pwritev(file, slices, offset)))?;
    guest.put_u32(nwritten, count as u32);
    Ok(())
}

/// Offsets are signed in the host's system calls.
pub(super) fn check_offset(offset: u64) -> Result<(), Errno> {
    i64::try_from(offset).map(drop).map_err(|_| Errno::INVAL)
}

pub(super) fn fd_seek(
    ctx: &mut WasiCtx,
    guest: Guest<'_>,
    fd: u32,
    offset: i64,
    whence: u32,
    result: u32,
) -> Result<(), Errno> {
    let position = match whence {
        0 => SeekFrom::Start(u64::try_from(offset).map_err(|_| Errno::INVAL)?),
        1 => SeekFrom::Current(offset),
        2 => SeekFrom::End(offset),
        _ => return Err(Errno::INVAL),
    };
    seek(ctx, guest, fd, position, result)
}

pub(super) fn fd_tell(
    ctx: &mut WasiCtx,
    guest: Guest<'_>,
    fd: u32,
    result: u32,
) -> Result<(), Errno> {
    seek(ctx, guest, fd, SeekFrom::Current(0), result)
}

fn seek(
    ctx: &WasiCtx,
    mut guest: Guest<'_>,
    fd: u32,
    position: SeekFrom,
    result: u32,
) -> Result<(), Errno> {
    let result = guest.span(result, 8)?;
    let mut file = &ctx.fds.file(fd)?.file;
    let position = file.seek(position)?;
    guest.put_u64(result, position);
    Ok(())
}
