//! Descriptors as such: closing, renumbering, their attributes, and advice about them.

use std::fs::File;
use std::num::NonZeroU64;
use std::os::fd::AsFd;

use cap_std::fs::Metadata;
use rustix::fs::{
    Advice, FallocateFlags, OFlags, fadvise, fallocate, fcntl_getfl, fcntl_setfl, fdatasync, fsync,
};
use rustix::io::retry_on_intr;

use super::io::check_offset;
use super::types::{Fdstat, HOST_FLAGS, fdflags, filetype, filetype_of, known_flags};
use crate::ctx::{Entry, State};
use crate::descriptor::{Descriptor, OpenFile, Socket};
use crate::errno::Errno;
use crate::guest::Guest;
use crate::rights;

pub(super) fn fd_close(ctx: &State, _: Guest<'_>, fd: u32) -> Result<(), Errno> {
    ctx.fds.remove(fd).map(drop)
}

pub(super) fn fd_renumber(ctx: &State, _: Guest<'_>, from: u32, to: u32) -> Result<(), Errno> {
    ctx.fds.renumber(from, to).map(drop)
}

pub(super) fn fd_fdstat_get(
    ctx: &State,
    mut guest: Guest<'_>,
    fd: u32,
    result: u32,
) -> Result<(), Errno> {
    let result = guest.span(result, Fdstat::BYTES)?;
    let entry = ctx.fds.get(fd)?;
    let (filetype, flags) = match &*entry.descriptor {
        Descriptor::Input(input) => (stream_filetype(input.is_terminal()), 0),
        Descriptor::Output(output) => (stream_filetype(output.is_terminal()), 0),
        Descriptor::File(OpenFile { file, .. }) => {
            (filetype_of(Metadata::from_file(file)?.file_type()), host_flags(file)?)
        }
        Descriptor::Dir(_) => (filetype::DIRECTORY, 0),
        Descriptor::Socket(Socket(socket)) => (filetype::SOCKET_STREAM, host_flags(socket)?),
    };
    guest.put(result, &Fdstat { filetype, flags, rights: entry.rights }.to_bytes());
    Ok(())
}

/// Only terminals have a type, so that a guest does not take a pipe for one.
pub(super) fn stream_filetype(is_terminal: bool) -> u8 {
    if is_terminal { filetype::CHARACTER_DEVICE } else { filetype::UNKNOWN }
}

/// The `$fdflags` of a file or socket.
fn host_flags(file: impl AsFd) -> Result<u32, Errno> {
    let host = fcntl_getfl(file)?;
    let set = HOST_FLAGS.into_iter().filter(|&(flag, _)| host.contains(flag));
    Ok(set.fold(0, |flags, (_, flag)| flags | flag))
}

/// Changes `APPEND` and `NONBLOCK`. The others are fixed when a file is opened; to ask for a
/// change of them is `EINVAL`, where Linux would ignore it.
pub(super) fn fd_fdstat_set_flags(
    ctx: &State,
    _: Guest<'_>,
    fd: u32,
    flags: u32,
) -> Result<(), Errno> {
    const CHANGEABLE: u32 = fdflags::APPEND | fdflags::NONBLOCK;
    let flags = known_flags(flags, fdflags::ALL)?;
    let entry = ctx.fds.get(fd)?;
    let file = match &*entry.descriptor {
        Descriptor::File(OpenFile { file, .. }) => file.as_fd(),
        Descriptor::Socket(Socket(socket)) => socket.as_fd(),
        Descriptor::Dir(_) => return Err(Errno::BADF),
        // A stream belongs to the host, and its flags with it.
        Descriptor::Input(_) | Descriptor::Output(_) => return Err(Errno::NOTSUP),
    };
    entry.rights.need(rights::FD_FDSTAT_SET_FLAGS)?;
    if (flags ^ host_flags(file)?) & !CHANGEABLE != 0 {
        return Err(Errno::INVAL);
    }
    let mut host = fcntl_getfl(file)?;
    host.set(OFlags::APPEND, flags & fdflags::APPEND != 0);
    host.set(OFlags::NONBLOCK, flags & fdflags::NONBLOCK != 0);
    Ok(fcntl_setfl(file, host)?)
}

/// Gives up rights. Others than those that the descriptor has give `ENOTCAPABLE`.
pub(super) fn fd_fdstat_set_rights(
    ctx: &State,
    _: Guest<'_>,
    fd: u32,
    base: u64,
    inheriting: u64,
) -> Result<(), Errno> {
    ctx.fds.shrink_rights(fd, base, inheriting)
}

/// Guests call this with 3, 4, ... until `EBADF` says that there are no more.
pub(super) fn fd_prestat_get(
    ctx: &State,
    mut guest: Guest<'_>,
    fd: u32,
    result: u32,
) -> Result<(), Errno> {
    // `$prestat`: a tag, which for a directory is 0, and at 4 the length of its name.
    let result = guest.span(result, 8)?;
    let entry = ctx.fds.get(fd)?;
    let name = preopen_name(&entry)?;
    let len = u32::try_from(name.len()).map_err(|_| Errno::OVERFLOW)?;
    guest.put_u32(result, 0);
    guest.put_u32(result.skip(4), len);
    Ok(())
}

pub(super) fn fd_prestat_dir_name(
    ctx: &State,
    mut guest: Guest<'_>,
    fd: u32,
    buf: u32,
    len: u32,
) -> Result<(), Errno> {
    let span = guest.span(buf, len)?;
    let entry = ctx.fds.get(fd)?;
    let name = preopen_name(&entry)?;
    if name.len() > span.len() {
        return Err(Errno::NAMETOOLONG);
    }
    guest.put(span, name.as_bytes());
    Ok(())
}

fn preopen_name(entry: &Entry) -> Result<&str, Errno> {
    match &*entry.descriptor {
        Descriptor::Dir(dir) => dir.preopen.as_deref().ok_or(Errno::BADF),
        _ => Err(Errno::BADF),
    }
}

pub(super) fn fd_sync(ctx: &State, _: Guest<'_>, fd: u32) -> Result<(), Errno> {
    sync(ctx, fd, rights::FD_SYNC, |file| Ok(retry_on_intr(|| fsync(file))?))
}

pub(super) fn fd_datasync(ctx: &State, _: Guest<'_>, fd: u32) -> Result<(), Errno> {
    sync(ctx, fd, rights::FD_DATASYNC, |file| Ok(retry_on_intr(|| fdatasync(file))?))
}

fn sync(
    ctx: &State,
    fd: u32,
    right: u64,
    sync: impl Fn(&File) -> Result<(), Errno>,
) -> Result<(), Errno> {
    let entry = ctx.fds.get(fd)?;
    match &*entry.descriptor {
        // As Linux says of what has no storage.
        Descriptor::Input(_) | Descriptor::Socket(_) => return Err(Errno::INVAL),
        _ => entry.rights.need(right)?,
    }
    match &*entry.descriptor {
        Descriptor::Output(output) => output.flush(),
        Descriptor::File(file) => sync(&file.file),
        Descriptor::Dir(dir) => sync(&dir.reopen()?),
        Descriptor::Input(_) | Descriptor::Socket(_) => Ok(()),
    }
}

pub(super) fn fd_advise(
    ctx: &State,
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
    let entry = ctx.fds.get(fd)?;
    let file = entry.file(rights::FD_ADVISE)?;
    check_offset(offset)?;
    check_offset(len)?;
    Ok(fadvise(&file.file, offset, NonZeroU64::new(len), advice)?)
}

/// Makes the file at least `offset + len` bytes long, with disk space for all of that range.
pub(super) fn fd_allocate(
    ctx: &State,
    _: Guest<'_>,
    fd: u32,
    offset: u64,
    len: u64,
) -> Result<(), Errno> {
    let entry = ctx.fds.get(fd)?;
    let file = &entry.file(rights::FD_ALLOCATE)?.file;
    if len == 0 {
        return Err(Errno::INVAL);
    }
    check_offset(offset.checked_add(len).ok_or(Errno::FBIG)?)?;
    Ok(retry_on_intr(|| fallocate(file, FallocateFlags::empty(), offset, len))?)
}
