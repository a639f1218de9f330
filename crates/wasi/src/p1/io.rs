//! Reading, writing and seeking.
//!
//! One call of the guest is one system call of the host, on slices of the guest's memory (or a copy,
//! if it is shared: `guest.rs`). Short reads and writes are passed on as such.

use std::io::{IoSlice, IoSliceMut, Seek, SeekFrom};
use std::os::fd::AsFd;

use rustix::io::{self, preadv, pwritev, read, readv, retry_on_intr, write, writev};
use rustix::net::{RecvFlags, SendFlags};

use super::sock;
use crate::ctx::State;
use crate::descriptor::Descriptor;
use crate::errno::Errno;
use crate::guest::Guest;
use crate::rights::{self, FD_READ, FD_SEEK, FD_TELL, FD_WRITE};

pub(super) fn fd_read(
    ctx: &State,
    mut guest: Guest<'_>,
    fd: u32,
    iovs: u32,
    iovs_len: u32,
    nread: u32,
) -> Result<(), Errno> {
    let nread = guest.span(nread, 4)?;
    let buffers = guest.buffers(iovs, iovs_len)?;
    let entry = ctx.fds.get(fd)?;
    entry.rights.need(FD_READ)?;
    let count = match &*entry.descriptor {
        Descriptor::File(open) => {
            guest.scatter(&buffers, |slices| retry_on_intr(|| read_some(&open.file, slices)))?
        }
        Descriptor::Input(input) => guest.scatter(&buffers, |slices| input.read(slices))?,
        Descriptor::Socket(socket) => {
            guest.scatter(&buffers, |slices| sock::receive(socket, slices, RecvFlags::empty()))?
        }
        Descriptor::Output(_) | Descriptor::Dir(_) => return Err(Errno::BADF),
    };
    // The buffers have less than 2^32 bytes in all.
    guest.put_u32(nread, count as u32);
    Ok(())
}

/// One buffer is most common, and the system calls for that are faster.
pub(crate) fn read_some(file: impl AsFd, buffers: &mut [IoSliceMut<'_>]) -> io::Result<usize> {
    match buffers {
        [one] => read(file, &mut **one),
        several => readv(file, several),
    }
}

/// As [`read_some`].
pub(crate) fn write_some(file: impl AsFd, buffers: &[IoSlice<'_>]) -> io::Result<usize> {
    match buffers {
        [one] => write(file, one),
        several => writev(file, several),
    }
}

pub(super) fn fd_pread(
    ctx: &State,
    mut guest: Guest<'_>,
    fd: u32,
    iovs: u32,
    iovs_len: u32,
    offset: u64,
    nread: u32,
) -> Result<(), Errno> {
    let nread = guest.span(nread, 4)?;
    let buffers = guest.buffers(iovs, iovs_len)?;
    let entry = ctx.fds.get(fd)?;
    let file = &entry.file(FD_READ | FD_SEEK)?.file;
    check_offset(offset)?;
    let count = guest.scatter(&buffers, |slices| retry_on_intr(|| preadv(file, slices, offset)))?;
    guest.put_u32(nread, count as u32);
    Ok(())
}

pub(super) fn fd_write(
    ctx: &State,
    mut guest: Guest<'_>,
    fd: u32,
    iovs: u32,
    iovs_len: u32,
    nwritten: u32,
) -> Result<(), Errno> {
    let nwritten = guest.span(nwritten, 4)?;
    let buffers = guest.buffers(iovs, iovs_len)?;
    let entry = ctx.fds.get(fd)?;
    entry.rights.need(FD_WRITE)?;
    let count = match &*entry.descriptor {
        Descriptor::File(open) => {
            guest.gather(&buffers, |slices| retry_on_intr(|| write_some(&open.file, slices)))?
        }
        Descriptor::Output(output) => guest.gather(&buffers, |slices| output.write(slices))?,
        Descriptor::Socket(socket) => {
            guest.gather(&buffers, |slices| sock::send(socket, slices, SendFlags::empty()))?
        }
        Descriptor::Input(_) | Descriptor::Dir(_) => return Err(Errno::BADF),
    };
    guest.put_u32(nwritten, count as u32);
    Ok(())
}

/// Writes at `offset`. On a file opened to append, Linux appends all the same.
pub(super) fn fd_pwrite(
    ctx: &State,
    mut guest: Guest<'_>,
    fd: u32,
    iovs: u32,
    iovs_len: u32,
    offset: u64,
    nwritten: u32,
) -> Result<(), Errno> {
    let nwritten = guest.span(nwritten, 4)?;
    let buffers = guest.buffers(iovs, iovs_len)?;
    let entry = ctx.fds.get(fd)?;
    let file = &entry.file(FD_WRITE | FD_SEEK)?.file;
    check_offset(offset)?;
    let count = guest.gather(&buffers, |slices| retry_on_intr(|| pwritev(file, slices, offset)))?;
    guest.put_u32(nwritten, count as u32);
    Ok(())
}

/// Offsets are signed in the host's system calls.
pub(super) fn check_offset(offset: u64) -> Result<(), Errno> {
    i64::try_from(offset).map(drop).map_err(|_| Errno::INVAL)
}

/// What an offset is relative to.
#[derive(Clone, Copy)]
enum Whence {
    Set,
    Current,
    End,
}

pub(super) fn fd_seek(
    ctx: &State,
    guest: Guest<'_>,
    fd: u32,
    offset: i64,
    whence: u32,
    result: u32,
) -> Result<(), Errno> {
    let numbers = [Whence::Set, Whence::Current, Whence::End];
    seek_from(ctx, guest, fd, offset, numbers.get(whence as usize).copied(), result)
}

/// As in `wasi_unstable`, which numbers `$whence` in another way.
pub(super) fn fd_seek_unstable(
    ctx: &State,
    guest: Guest<'_>,
    fd: u32,
    offset: i64,
    whence: u32,
    result: u32,
) -> Result<(), Errno> {
    let numbers = [Whence::Current, Whence::End, Whence::Set];
    seek_from(ctx, guest, fd, offset, numbers.get(whence as usize).copied(), result)
}

fn seek_from(
    ctx: &State,
    guest: Guest<'_>,
    fd: u32,
    offset: i64,
    whence: Option<Whence>,
    result: u32,
) -> Result<(), Errno> {
    let position = match whence {
        Some(Whence::Set) => u64::try_from(offset).ok().map(SeekFrom::Start),
        Some(Whence::Current) => Some(SeekFrom::Current(offset)),
        Some(Whence::End) => Some(SeekFrom::End(offset)),
        None => None,
    };
    match position {
        Some(position) => seek(ctx, guest, fd, position, result),
        // A descriptor that cannot seek at all says that first.
        None => ctx.fds.get(fd)?.file(FD_SEEK).and(Err(Errno::INVAL)),
    }
}

pub(super) fn fd_tell(ctx: &State, guest: Guest<'_>, fd: u32, result: u32) -> Result<(), Errno> {
    seek(ctx, guest, fd, SeekFrom::Current(0), result)
}

fn seek(
    ctx: &State,
    mut guest: Guest<'_>,
    fd: u32,
    position: SeekFrom,
    result: u32,
) -> Result<(), Errno> {
    let result = guest.span(result, 8)?;
    let entry = ctx.fds.get(fd)?;
    let mut file = &entry.file(0)?.file;
    if position == SeekFrom::Current(0) {
        entry.rights.need_any(rights::FD_SEEK | FD_TELL)?;
    } else {
        entry.rights.need(FD_SEEK)?;
    }
    let position = file.seek(position)?;
    guest.put_u64(result, position);
    Ok(())
}
