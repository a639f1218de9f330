//! Descriptors as such: closing, renumbering, their attributes, and advice about them.

use std::num::NonZeroU64;

use rustix::fs::{Advice, FallocateFlags, OFlags, fadvise, fallocate, fcntl_getfl, fcntl_setfl};
use rustix::io::retry_on_intr;

use super::io::check_offset;
use super::types::{Fdstat, fdflags, filetype, filetype_of, known_flags, rights};
use crate::ctx::WasiCtx;
use crate::descriptor::{Descriptor, OpenFile};
use crate::errno::Errno;
use crate::guest::Guest;

pub(super) fn fd_close(ctx: &mut WasiCtx, _: Guest<'_>, fd: u32) -> Result<(), Errno> {
    ctx.fds.remove(fd).map(drop)
}

pub(super) fn fd_renumber(
    ctx: &mut WasiCtx,
    _: Guest<'_>,
    from: u32,
    to: u32,
) -> Result<(), Errno> {
    ctx.fds.renumber(from, to)
}

pub(super) fn fd_fdstat_get(
    ctx: &mut WasiCtx,
    mut guest: Guest<'_>,
    fd: u32,
    result: u32,
) -> Result<(), Errno> {
    let result = guest.span(result, Fdstat::BYTES)?;
    let fdstat = match ctx.fds.get(fd)? {
        Descriptor::Input(input) => stream_fdstat(input.is_terminal(), rights::INPUT),
        Descriptor::Output(output) => stream_fdstat(output.is_terminal(), rights::OUTPUT),
        Descriptor::File(file) => file_fdstat(file)?,
        Descriptor::Dir(_) => Fdstat {
            filetype: filetype::DIRECTORY,
            flags: 0,
            rights: rights::DIR,
            inheriting: rights::DIR_INHERITING,
        },
    };
    guest.put(result, &fdstat.to_bytes());
    Ok(())
}

fn stream_fdstat(is_terminal: bool, rights: u64) -> Fdstat {
    let filetype = stream_filetype(is_terminal);
    Fdstat { filetype, flags: 0, rights, inheriting: 0 }
}

/// Only terminals have a type, so that a guest does not take a pipe for one.
pub(super) fn stream_filetype(is_terminal: bool) -> u8 {
    if is_terminal { filetype::CHARACTER_DEVICE } else { filetype::UNKNOWN }
}

fn file_fdstat(file: &OpenFile) -> Result<Fdstat, Errno> {
    let mut rights = rights::FILE;
    if file.readable {
        rights |= rights::FILE_READ;
    }
    if file.writable {
        rights |= rights::FILE_WRITE;
    }
    Ok(Fdstat {
        filetype: filetype_of(file.metadata()?.file_type()),
        flags: file_flags(file)?,
        rights,
        inheriting: 0,
    })
}

/// The `$fdflags` of a file, as the system knows them. Linux has one flag for `SYNC` and `RSYNC`,
/// and it includes that for `DSYNC`.
fn file_flags(file: &OpenFile) -> Result<u32, Errno> {
    let host = fcntl_getfl(&file.file)?;
    let table = [
        (OFlags::APPEND, fdflags::APPEND),
        (OFlags::DSYNC, fdflags::DSYNC),
        (OFlags::NONBLOCK, fdflags::NONBLOCK),
        (OFlags::RSYNC, fdflags::RSYNC),
        (OFlags::SYNC, fdflags::SYNC),
    ];
    let set = table.into_iter().filter(|&(flag, _)| host.contains(flag));
    Ok(set.fold(0, |flags, (_, flag)| flags | flag))
}

/// Changes `APPEND` and `NONBLOCK`. The others are fixed when a file is opened; to ask for a
/// change of them is `EINVAL`, where Linux would ignore it.
pub(super) fn fd_fdstat_set_flags(
    ctx: &mut WasiCtx,
    _: Guest<'_>,
    fd: u32,
    flags: u32,
) -> Result<(), Errno> {
    const CHANGEABLE: u32 = fdflags::APPEND | fdflags::NONBLOCK;
    let flags = known_flags(flags, fdflags::ALL)?;
    let file = match ctx.fds.get(fd)? {
        Descriptor::File(file) => file,
        Descriptor::Dir(_) => return Err(Errno::BADF),
        // A stream belongs to the host, and its flags with it.
        Descriptor::Input(_) | Descriptor::Output(_) => return Err(Errno::NOTSUP),
    };
    if (flags ^ file_flags(file)?) & !CHANGEABLE != 0 {
        return Err(Errno::INVAL);
    }
    let mut host = fcntl_getfl(&file.file)?;
    host.set(OFlags::APPEND, flags & fdflags::APPEND != 0);
    host.set(OFlags::NONBLOCK, flags & fdflags::NONBLOCK != 0);
    Ok(fcntl_setfl(&file.file, host)?)
}

/// Guests call this with 3, 4, ... until `EBADF` says that there are no more.
pub(super) fn fd_prestat_get(
    ctx: &mut WasiCtx,
    mut guest: Guest<'_>,
    fd: u32,
    result: u32,
) -> Result<(), Errno> {
    // `$prestat`: a tag, which for a directory is 0, and at 4 the length of its name.
    let result = guest.span(result, 8)?;
    let name = preopen_name(ctx, fd)?;
    let len = u32::try_from(name.len()).map_err(|_| Errno::OVERFLOW)?;
    guest.put_u32(result, 0);
    guest.put_u32(result.skip(4), len);
    Ok(())
}

pub(super) fn fd_prestat_dir_name(
    ctx: &mut WasiCtx,
    mut guest: Guest<'_>,
    fd: u32,
    buf: u32,
    len: u32,
) -> Result<(), Errno> {
    let span = guest.span(buf, len)?;
    let name = preopen_name(ctx, fd)?;
    if name.len() > span.len() {
        return Err(Errno::NAMETOOLONG);
    }
    guest.put(span, name.as_bytes());
    Ok(())
}

fn preopen_name(ctx: &WasiCtx, fd: u32) -> Result<&str, Errno> {
    match ctx.fds.get(fd)? {
        Descriptor::Dir(dir) => dir.preopen.as_deref().ok_or(Errno::BADF),
        _ => Err(Errno::BADF),
    }
}

pub(super) fn fd_sync(ctx: &mut WasiCtx, _: Guest<'_>, fd: u32) -> Result<(), Errno> {
    match ctx.fds.get(fd)? {
        // Nothing is buffered on the way to a stream.
        Descriptor::Output(_) => Ok(()),
        Descriptor::File(file) => Ok(file.file.sync_all()?),
        Descriptor::Input(_) | Descriptor::Dir(_) => Err(Errno::BADF),
    }
}

pub(super) fn fd_datasync(ctx: &mut WasiCtx, _: Guest<'_>, fd: u32) -> Result<(), Errno> {
    match ctx.fds.get(fd)? {
        Descriptor::Output(_) => Ok(()),
        Descriptor::File(file) => Ok(file.file.sync_data()?),
        Descriptor::Input(_) | Descriptor::Dir(_) => Err(Errno::BADF),
    }
}

pub(super) fn fd_advise(
    ctx: &mut WasiCtx,
    _: Guest<'_>,
    fd: u32,
    offset: u64,
    len: u64,
    advice: u32,
) -> Result<(), Errno> {
    let advice = match advice {
        0 => Advice::Normal,
        1 => Advice::Sequential,
        2 => Advice::Random,
        3 => Advice::WillNeed,
        4 => Advice::DontNeed,
        5 => Advice::NoReuse,
        _ => return Err(Errno::INVAL),
    };
    let file = ctx.fds.file(fd)?;
    check_offset(offset)?;
    check_offset(len)?;
    Ok(fadvise(&file.file, offset, NonZeroU64::new(len), advice)?)
}

/// Makes the file at least `offset + len` bytes long, with disk space for all of that range.
pub(super) fn fd_allocate(
    ctx: &mut WasiCtx,
    _: Guest<'_>,
    fd: u32,
    offset: u64,
    len: u64,
) -> Result<(), Errno> {
    let file = ctx.fds.file(fd)?.for_writing()?;
    if len == 0 {
        return Err(Errno::INVAL);
    }
    check_offset(offset.checked_add(len).ok_or(Errno::FBIG)?)?;
    Ok(retry_on_intr(|| fallocate(file, FallocateFlags::empty(), offset, len))?)
}
