//! File attributes: reading them, and changing size and times.

use std::time::{Duration, SystemTime};

use cap_fs_ext::{DirExt, SystemTimeSpec};
use rustix::fs::{Timespec, Timestamps, UTIME_NOW, UTIME_OMIT, futimens};

use super::fd::stream_filetype;
use super::io::check_offset;
use super::types::{Filestat, follows, fstflags, known_flags, metadata_at};
use crate::ctx::WasiCtx;
use crate::descriptor::Descriptor;
use crate::errno::Errno;
use crate::guest::Guest;

pub(super) fn fd_filestat_get(
    ctx: &mut WasiCtx,
    mut guest: Guest<'_>,
    fd: u32,
    result: u32,
) -> Result<(), Errno> {
    let result = guest.span(result, Filestat::BYTES)?;
    let filestat = match ctx.fds.get(fd)? {
        Descriptor::Input(input) => stream_filestat(input.is_terminal()),
        Descriptor::Output(output) => stream_filestat(output.is_terminal()),
        Descriptor::File(file) => Filestat::of(&file.metadata()?),
        Descriptor::Dir(dir) => Filestat::of(&dir.dir.dir_metadata()?),
    };
    guest.put(result, &filestat.to_bytes());
    Ok(())
}

/// Of a stream the guest learns whether it is a terminal, and nothing about the host's file.
fn stream_filestat(is_terminal: bool) -> Filestat {
    Filestat::of_stream(stream_filetype(is_terminal))
}

pub(super) fn path_filestat_get(
    ctx: &mut WasiCtx,
    mut guest: Guest<'_>,
    fd: u32,
    lookup: u32,
    path: u32,
    len: u32,
    result: u32,
) -> Result<(), Errno> {
    let result = guest.span(result, Filestat::BYTES)?;
    let path = guest.path(path, len)?;
    let dir = ctx.fds.dir(fd)?;
    let metadata = metadata_at(&dir.dir, &path, follows(lookup)?)?;
    guest.put(result, &Filestat::of(&metadata).to_bytes());
    Ok(())
}

pub(super) fn fd_filestat_set_size(
    ctx: &mut WasiCtx,
    _: Guest<'_>,
    fd: u32,
    size: u64,
) -> Result<(), Errno> {
    let file = ctx.fds.file(fd)?.for_writing()?;
    check_offset(size)?;
    Ok(file.set_len(size)?)
}

pub(super) fn fd_filestat_set_times(
    ctx: &mut WasiCtx,
    _: Guest<'_>,
    fd: u32,
    atim: u64,
    mtim: u64,
    flags: u32,
) -> Result<(), Errno> {
    let [access, modification] = NewTime::both(atim, mtim, flags)?;
    match ctx.fds.get(fd)? {
        Descriptor::File(file) => {
            let times = Timestamps {
                last_access: access.timespec(),
                last_modification: modification.timespec(),
            };
            Ok(futimens(&file.file, &times)?)
        }
        // By name, because the host's descriptor of a directory may be one that only locates it.
        Descriptor::Dir(dir) => Ok(dir.dir.set_times(".", access.spec(), modification.spec())?),
        Descriptor::Input(_) | Descriptor::Output(_) => Err(Errno::BADF),
    }
}

pub(super) fn path_filestat_set_times(
    ctx: &mut WasiCtx,
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
    let [access, modification] = NewTime::both(atim, mtim, flags)?;
    let dir = &ctx.fds.dir(fd)?.dir;
    if follows(lookup)? {
        dir.set_times(path, access.spec(), modification.spec())?;
    } else {
        dir.set_symlink_times(path, access.spec(), modification.spec())?;
    }
    Ok(())
}

/// What is to become of one of the times of a file.
#[derive(Debug, Clone, Copy)]
enum NewTime {
    Keep,
    Now,
    /// Since 1970.
    At(Duration),
}

impl NewTime {
    /// New access and modification times. To ask for now and for a given time is `EINVAL`.
    fn both(atim: u64, mtim: u64, flags: u32) -> Result<[NewTime; 2], Errno> {
        let flags = known_flags(flags, fstflags::ALL)?;
        let one = |time, given, now| match (flags & given != 0, flags & now != 0) {
            (false, false) => Ok(NewTime::Keep),
            (true, false) => Ok(NewTime::At(Duration::from_nanos(time))),
            (false, true) => Ok(NewTime::Now),
            (true, true) => Err(Errno::INVAL),
        };
        Ok([
            one(atim, fstflags::ATIM, fstflags::ATIM_NOW)?,
            one(mtim, fstflags::MTIM, fstflags::MTIM_NOW)?,
        ])
    }

    fn timespec(self) -> Timespec {
        match self {
            NewTime::Keep => Timespec { tv_sec: 0, tv_nsec: UTIME_OMIT },
            NewTime::Now => Timespec { tv_sec: 0, tv_nsec: UTIME_NOW },
            // 2^64 nanoseconds are less than 2^35 seconds.
            NewTime::At(time) => Timespec {
                tv_sec: time.as_secs().cast_signed(),
                tv_nsec: time.subsec_nanos().into(),
            },
        }
    }

    fn spec(self) -> Option<SystemTimeSpec> {
        match self {
            NewTime::Keep => None,
            NewTime::Now => Some(SystemTimeSpec::SymbolicNow),
            NewTime::At(time) => {
                let time = SystemTime::UNIX_EPOCH + time;
                Some(SystemTimeSpec::from(cap_std::time::SystemTime::from_std(time)))
            }
        }
    }
}
