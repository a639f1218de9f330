//! File attributes: reading them, and changing size and times.

use std::os::fd::AsFd;
use std::time::Duration;

use cap_fs_ext::{FollowSymlinks, OpenOptionsFollowExt};
use cap_std::fs::{Metadata, OpenOptions, OpenOptionsExt};
use rustix::fs::{
    AtFlags, OFlags, Timespec, Timestamps, UTIME_NOW, UTIME_OMIT, futimens, utimensat,
};

use super::fd::stream_filetype;
use super::io::check_offset;
use super::path::dir;
use super::place::{Place, means_directory, metadata_at};
use super::types::{Filestat, filetype, follows, fstflags, known_flags};
use crate::ctx::State;
use crate::descriptor::Descriptor;
use crate::errno::Errno;
use crate::guest::Guest;
use crate::perms::{DirPerms, FilePerms};
use crate::rights;

pub(super) fn fd_filestat_get(
    ctx: &State,
    mut guest: Guest<'_>,
    fd: u32,
    result: u32,
) -> Result<(), Errno> {
    let result = guest.span(result, Filestat::BYTES)?;
    let filestat = filestat_of(ctx, fd)?;
    guest.put(result, &filestat.to_bytes());
    Ok(())
}

pub(super) fn fd_filestat_get_unstable(
    ctx: &State,
    mut guest: Guest<'_>,
    fd: u32,
    result: u32,
) -> Result<(), Errno> {
    let result = guest.span(result, Filestat::BYTES_UNSTABLE)?;
    let filestat = filestat_of(ctx, fd)?;
    guest.put(result, &filestat.to_bytes_unstable());
    Ok(())
}

/// Of a stream the guest learns whether it is a terminal, and nothing about the host's file.
fn filestat_of(ctx: &State, fd: u32) -> Result<Filestat, Errno> {
    let entry = ctx.fds.get(fd)?;
    entry.rights.need(rights::FD_FILESTAT_GET)?;
    Ok(match &*entry.descriptor {
        Descriptor::Input(input) => Filestat::of_stream(stream_filetype(input.is_terminal())),
        Descriptor::Output(output) => Filestat::of_stream(stream_filetype(output.is_terminal())),
        Descriptor::File(open) => Filestat::of(&Metadata::from_file(&open.file)?),
        Descriptor::Dir(dir) => Filestat::of(&dir.dir.dir_metadata()?),
        Descriptor::Socket(_) => Filestat::of_stream(filetype::SOCKET_STREAM),
    })
}

pub(super) fn path_filestat_get(
    ctx: &State,
    mut guest: Guest<'_>,
    fd: u32,
    lookup: u32,
    path: u32,
    len: u32,
    result: u32,
) -> Result<(), Errno> {
    let result = guest.span(result, Filestat::BYTES)?;
    let filestat = filestat_at(ctx, &guest, fd, lookup, path, len)?;
    guest.put(result, &filestat.to_bytes());
    Ok(())
}

pub(super) fn path_filestat_get_unstable(
    ctx: &State,
    mut guest: Guest<'_>,
    fd: u32,
    lookup: u32,
    path: u32,
    len: u32,
    result: u32,
) -> Result<(), Errno> {
    let result = guest.span(result, Filestat::BYTES_UNSTABLE)?;
    let filestat = filestat_at(ctx, &guest, fd, lookup, path, len)?;
    guest.put(result, &filestat.to_bytes_unstable());
    Ok(())
}

fn filestat_at(
    ctx: &State,
    guest: &Guest<'_>,
    fd: u32,
    lookup: u32,
    path: u32,
    len: u32,
) -> Result<Filestat, Errno> {
    let path = guest.path(path, len)?;
    let follow = follows(lookup)?;
    let entry = ctx.fds.get(fd)?;
    let dir = dir(&entry, DirPerms::READ, rights::PATH_FILESTAT_GET)?;
    Ok(Filestat::of(&metadata_at(&dir.dir, &path, follow)?))
}

pub(super) fn fd_filestat_set_size(
    ctx: &State,
    _: Guest<'_>,
    fd: u32,
    size: u64,
) -> Result<(), Errno> {
    let entry = ctx.fds.get(fd)?;
    let file = &entry.file(rights::FD_FILESTAT_SET_SIZE)?.file;
    check_offset(size)?;
    Ok(file.set_len(size)?)
}

pub(super) fn fd_filestat_set_times(
    ctx: &State,
    _: Guest<'_>,
    fd: u32,
    atim: u64,
    mtim: u64,
    flags: u32,
) -> Result<(), Errno> {
    let times = times(atim, mtim, flags)?;
    let entry = ctx.fds.get(fd)?;
    let permitted = match &*entry.descriptor {
        Descriptor::File(open) => open.perms.contains(FilePerms::WRITE),
        Descriptor::Dir(dir) => dir.perms.dir.contains(DirPerms::MUTATE),
        _ => return Err(Errno::BADF),
    };
    if !permitted {
        return Err(Errno::PERM);
    }
    entry.rights.need(rights::FD_FILESTAT_SET_TIMES)?;
    match &*entry.descriptor {
        Descriptor::File(open) => Ok(futimens(&open.file, &times)?),
        Descriptor::Dir(dir) => set_times(&dir.dir, &times),
        _ => Err(Errno::BADF),
    }
}

pub(super) fn path_filestat_set_times(
    ctx: &State,
    guest: Guest<'_>,
    fd: u32,
    lookup: u32,
    path: u32,
    len: u32,
    atim: u64,
    mtim: u64,
    flags: u32,
) -> Result<(), Errno> {
    let path = guest.path(path, len)?;
    let follow = follows(lookup)? || means_directory(&path);
    let times = times(atim, mtim, flags)?;
    let entry = ctx.fds.get(fd)?;
    let dir = dir(&entry, DirPerms::MUTATE, rights::PATH_FILESTAT_SET_TIMES)?;
    if !dir.perms.file.contains(FilePerms::WRITE) {
        return Err(Errno::PERM);
    }
    if !follow {
        let place = Place::find(&dir.dir, &path)?;
        return Ok(utimensat(place.dir(), place.name, &times, AtFlags::SYMLINK_NOFOLLOW)?);
    }
    // Found without being opened: it may be a pipe, or not for this process to read or write.
    let mut options = OpenOptions::new();
    let located = OFlags::PATH.bits().cast_signed();
    options.read(true).follow(FollowSymlinks::Yes).custom_flags(located);
    set_times(dir.dir.open_with(path, &options)?, &times)
}

/// Sets the times of a file or directory that the host's descriptor may only locate.
fn set_times(located: impl AsFd, times: &Timestamps) -> Result<(), Errno> {
    Ok(utimensat(located, "", times, AtFlags::EMPTY_PATH)?)
}

/// New access and modification times. To ask for now and for a given time is `EINVAL`.
fn times(atim: u64, mtim: u64, flags: u32) -> Result<Timestamps, Errno> {
    let flags = known_flags(flags, fstflags::ALL)?;
    let one = |time, given, now| match (flags & given != 0, flags & now != 0) {
        (false, false) => Ok(Timespec { tv_sec: 0, tv_nsec: UTIME_OMIT }),
        (true, false) => Ok(timespec(Duration::from_nanos(time))),
        (false, true) => Ok(Timespec { tv_sec: 0, tv_nsec: UTIME_NOW }),
        (true, true) => Err(Errno::INVAL),
    };
    Ok(Timestamps {
        last_access: one(atim, fstflags::ATIM, fstflags::ATIM_NOW)?,
        last_modification: one(mtim, fstflags::MTIM, fstflags::MTIM_NOW)?,
    })
}

fn timespec(time: Duration) -> Timespec {
    // 2^64 nanoseconds are less than 2^35 seconds.
    Timespec { tv_sec: time.as_secs().cast_signed(), tv_nsec: time.subsec_nanos().into() }
}
