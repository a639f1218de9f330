//! System calls on files: by path and by descriptor.
//!
//! Variable arguments come as one pointer to where they are in memory.

use crate::ctx::{Call, now};
use crate::errno::Errno;
use crate::fs::mount::timestamps;
use crate::fs::open::OpenKind;
use crate::fs::walk::{MAX_PATH, Place};
use crate::fs::{Files, flags};
use crate::stream::lock;

/// The descriptor that stands for the working directory.
const AT_FDCWD: i32 = -100;
const AT_SYMLINK_NOFOLLOW: u32 = 0x100;
const AT_REMOVEDIR: u32 = 0x200;
const AT_EMPTY_PATH: u32 = 0x1000;

type Result<T = i32> = std::result::Result<T, Errno>;

/// The next argument as a path.
pub(super) fn path(call: &mut Call<'_>) -> Result<Vec<u8>> {
    let at = call.args.u32();
    call.guest.c_bytes(at, MAX_PATH)?.ok_or(Errno::NAMETOOLONG)
}

/// Where relative paths begin for a descriptor argument.
fn start(files: &Files, dir: i32, path: &[u8]) -> Result<Place> {
    match dir {
        _ if path.starts_with(b"/") => Ok(files.root()),
        AT_FDCWD => files.start(None),
        fd => files.start(Some(fd.cast_unsigned())),
    }
}

/// Does something with the path that a descriptor and a path name.
fn at<R>(
    call: &mut Call<'_>,
    dir: i32,
    path: &[u8],
    body: impl FnOnce(&mut Files, &Place) -> Result<R>,
) -> Result<R> {
    let mut files = lock(&call.ctx.shared.files);
    let start = start(&files, dir, path)?;
    body(&mut files, &start)
}

fn fd_of(call: &mut Call<'_>, dir: i32) -> Result {
    let (path, flags, varargs) = (path(call)?, call.args.u32(), call.args.u32());
    let mode = match flags & flags::CREATE {
        0 => 0,
        _ if varargs == 0 => 0o666,
        _ => call.guest.u32(varargs)?,
    };
    let fd = at(call, dir, &path, |files, start| files.open(start, &path, flags, mode, now()))?;
    Ok(fd.cast_signed())
}

pub(super) fn open(call: &mut Call<'_>) -> Result {
    fd_of(call, AT_FDCWD)
}

pub(super) fn openat(call: &mut Call<'_>) -> Result {
    let dir = call.args.i32();
    fd_of(call, dir)
}

fn stat_path(call: &mut Call<'_>, dir: i32, follow: bool) -> Result {
    let (path, buffer) = (path(call)?, call.args.u32());
    let stat = at(call, dir, &path, |files, start| files.stat(start, &path, follow))?;
    let layout = call.ctx.layout();
    stat.put(&mut call.guest, buffer, layout)?;
    Ok(0)
}

pub(super) fn stat(call: &mut Call<'_>) -> Result {
    stat_path(call, AT_FDCWD, true)
}

pub(super) fn lstat(call: &mut Call<'_>) -> Result {
    stat_path(call, AT_FDCWD, false)
}

pub(super) fn fstat(call: &mut Call<'_>) -> Result {
    let (fd, buffer) = (call.args.u32(), call.args.u32());
    let open = lock(&call.ctx.shared.files).get(fd)?;
    let stat = open.stat(now())?;
    let layout = call.ctx.layout();
    stat.put(&mut call.guest, buffer, layout)?;
    Ok(0)
}

pub(super) fn fstatat(call: &mut Call<'_>) -> Result {
    let dir = call.args.i32();
    let (path, buffer, flags) = (path(call)?, call.args.u32(), call.args.u32());
    let follow = flags & AT_SYMLINK_NOFOLLOW == 0;
    let stat = if path.is_empty() && flags & AT_EMPTY_PATH != 0 {
        empty_path(call, dir)?
    } else {
        at(call, dir, &path, |files, start| files.stat(start, &path, follow))?
    };
    let layout = call.ctx.layout();
    stat.put(&mut call.guest, buffer, layout)?;
    Ok(0)
}

/// What a descriptor itself is.
fn empty_path(call: &mut Call<'_>, dir: i32) -> Result<crate::fs::stat::Stat> {
    let files = lock(&call.ctx.shared.files);
    match dir {
        AT_FDCWD => files.cwd.stat(true),
        fd => files.get(fd.cast_unsigned())?.stat(now()),
    }
}

pub(super) fn access(call: &mut Call<'_>) -> Result {
    let (path, how) = (path(call)?, call.args.u32());
    at(call, AT_FDCWD, &path, |files, start| files.access(start, &path, how))?;
    Ok(0)
}

pub(super) fn faccessat(call: &mut Call<'_>) -> Result {
    let dir = call.args.i32();
    let (path, how) = (path(call)?, call.args.u32());
    at(call, dir, &path, |files, start| files.access(start, &path, how))?;
    Ok(0)
}

pub(super) fn unlink(call: &mut Call<'_>) -> Result {
    let path = path(call)?;
    at(call, AT_FDCWD, &path, |files, start| files.unlink(start, &path, now()))?;
    Ok(0)
}

pub(super) fn rmdir(call: &mut Call<'_>) -> Result {
    let path = path(call)?;
    at(call, AT_FDCWD, &path, |files, start| files.rmdir(start, &path, now()))?;
    Ok(0)
}

pub(super) fn unlinkat(call: &mut Call<'_>) -> Result {
    let dir = call.args.i32();
    let (path, flags) = (path(call)?, call.args.u32());
    at(call, dir, &path, |files, start| match flags {
        0 => files.unlink(start, &path, now()),
        AT_REMOVEDIR => files.rmdir(start, &path, now()),
        _ => Err(Errno::INVAL),
    })?;
    Ok(0)
}

pub(super) fn mkdir(call: &mut Call<'_>) -> Result {
    let (path, mode) = (path(call)?, call.args.u32());
    at(call, AT_FDCWD, &path, |files, start| files.mkdir(start, &path, mode, now()))?;
    Ok(0)
}

pub(super) fn mkdirat(call: &mut Call<'_>) -> Result {
    let dir = call.args.i32();
    let (path, mode) = (path(call)?, call.args.u32());
    at(call, dir, &path, |files, start| files.mkdir(start, &path, mode, now()))?;
    Ok(0)
}

pub(super) fn mknod(call: &mut Call<'_>) -> Result {
    let (path, mode) = (path(call)?, call.args.u32());
    at(call, AT_FDCWD, &path, |files, start| files.mknod(start, &path, mode, now()))?;
    Ok(0)
}

pub(super) fn mknodat(call: &mut Call<'_>) -> Result {
    let dir = call.args.i32();
    let (path, mode) = (path(call)?, call.args.u32());
    at(call, dir, &path, |files, start| files.mknod(start, &path, mode, now()))?;
    Ok(0)
}

fn move_path(call: &mut Call<'_>, (dir, from): (i32, &[u8]), (to_dir, to): (i32, &[u8])) -> Result {
    let files = lock(&call.ctx.shared.files);
    let (source, target) = (start(&files, dir, from)?, start(&files, to_dir, to)?);
    files.rename((&source, from), (&target, to), now())?;
    Ok(0)
}

pub(super) fn rename(call: &mut Call<'_>) -> Result {
    let (from, to) = (path(call)?, path(call)?);
    move_path(call, (AT_FDCWD, &from), (AT_FDCWD, &to))
}

pub(super) fn renameat(call: &mut Call<'_>) -> Result {
    let (dir, from) = (call.args.i32(), path(call)?);
    let (to_dir, to) = (call.args.i32(), path(call)?);
    move_path(call, (dir, &from), (to_dir, &to))
}

/// A second name for a file. Emscripten's JavaScript has none of these.
fn hard_link(
    call: &mut Call<'_>,
    (dir, from): (i32, &[u8]),
    (to_dir, to): (i32, &[u8]),
    follow: bool,
) -> Result {
    let files = lock(&call.ctx.shared.files);
    let (source, target) = (start(&files, dir, from)?, start(&files, to_dir, to)?);
    files.hard_link((&source, from), (&target, to), follow, now())?;
    Ok(0)
}

pub(super) fn link(call: &mut Call<'_>) -> Result {
    let (from, to) = (path(call)?, path(call)?);
    hard_link(call, (AT_FDCWD, &from), (AT_FDCWD, &to), false)
}

pub(super) fn linkat(call: &mut Call<'_>) -> Result {
    const FOLLOW: u32 = 0x400;
    let (dir, from) = (call.args.i32(), path(call)?);
    let (to_dir, to) = (call.args.i32(), path(call)?);
    let flags = call.args.u32();
    if flags & !FOLLOW != 0 {
        return Err(Errno::INVAL);
    }
    hard_link(call, (dir, &from), (to_dir, &to), flags & FOLLOW != 0)
}

pub(super) fn symlink(call: &mut Call<'_>) -> Result {
    let (target, path) = (path(call)?, path(call)?);
    at(call, AT_FDCWD, &path, |files, start| files.symlink(&target, start, &path, now()))?;
    Ok(0)
}

pub(super) fn symlinkat(call: &mut Call<'_>) -> Result {
    let (target, dir, path) = (path(call)?, call.args.i32(), path(call)?);
    at(call, dir, &path, |files, start| files.symlink(&target, start, &path, now()))?;
    Ok(0)
}

fn read_link(call: &mut Call<'_>, dir: i32) -> Result {
    let (path, buffer, len) = (path(call)?, call.args.u32(), call.args.i32());
    if len <= 0 {
        return Err(Errno::INVAL);
    }
    let target = at(call, dir, &path, |files, start| files.readlink(start, &path))?;
    let count = target.len().min(len as usize);
    call.guest.write(buffer, &target[..count])?;
    Ok(count as i32)
}

pub(super) fn readlink(call: &mut Call<'_>) -> Result {
    read_link(call, AT_FDCWD)
}

pub(super) fn readlinkat(call: &mut Call<'_>) -> Result {
    let dir = call.args.i32();
    read_link(call, dir)
}

pub(super) fn chmod(call: &mut Call<'_>) -> Result {
    let (path, mode) = (path(call)?, call.args.u32());
    at(call, AT_FDCWD, &path, |files, start| files.chmod(start, &path, mode, now()))?;
    Ok(0)
}

pub(super) fn fchmodat(call: &mut Call<'_>) -> Result {
    let dir = call.args.i32();
    let (path, mode) = (path(call)?, call.args.u32());
    at(call, dir, &path, |files, start| files.chmod(start, &path, mode, now()))?;
    Ok(0)
}

pub(super) fn fchmod(call: &mut Call<'_>) -> Result {
    let (fd, mode) = (call.args.u32(), call.args.u32());
    let files = lock(&call.ctx.shared.files);
    match &files.get(fd)?.kind {
        OpenKind::File(node) => {
            files.chmod_place(&Place::Memory(node.clone()), mode, now())?;
        }
        OpenKind::Dir(place) => files.chmod_place(place, mode, now())?,
        OpenKind::HostFile(file, mount) => {
            if mount.read_only {
                return Err(Errno::ROFS);
            }
            rustix::fs::fchmod(file, rustix::fs::Mode::from_raw_mode(mode & 0o777))?;
        }
        _ => {}
    }
    Ok(0)
}

/// All belongs to one user; who it is given to is not kept.
pub(super) fn chown(call: &mut Call<'_>) -> Result {
    let path = path(call)?;
    at(call, AT_FDCWD, &path, |files, start| files.stat(start, &path, false))?;
    Ok(0)
}

pub(super) fn fchownat(call: &mut Call<'_>) -> Result {
    let dir = call.args.i32();
    let path = path(call)?;
    if path.is_empty() {
        empty_path(call, dir)?;
        return Ok(0);
    }
    at(call, dir, &path, |files, start| files.stat(start, &path, false))?;
    Ok(0)
}

pub(super) fn fchown(call: &mut Call<'_>) -> Result {
    lock(&call.ctx.shared.files).get(call.args.u32())?;
    Ok(0)
}

/// The times that `utimensat` is to set; none of them if it is to leave it.
fn times(call: &Call<'_>, at: u32) -> Result<[Option<i64>; 2]> {
    const UTIME_NOW: i32 = 0x3fff_ffff;
    const UTIME_OMIT: i32 = 0x3fff_fffe;
    if at == 0 {
        return Ok([Some(now()); 2]);
    }
    let layout = call.ctx.layout();
    let one = |at: u32| match layout.time(&call.guest, at)? {
        (_, UTIME_NOW) => Ok(Some(now())),
        (_, UTIME_OMIT) => Ok(None),
        (seconds, nanos @ 0..=999_999_999) => {
            Ok(Some(seconds.saturating_mul(1_000_000_000).saturating_add(nanos.into())))
        }
        _ => Err(Errno::INVAL),
    };
    Ok([one(at)?, one(at.checked_add(layout.time_len()).ok_or(Errno::FAULT)?)?])
}

/// The descriptor itself is meant where the path is NULL or empty.
pub(super) fn utimensat(call: &mut Call<'_>) -> Result {
    let (dir, at_path) = (call.args.i32(), call.args.u32());
    let (at_times, flags) = (call.args.u32(), call.args.u32());
    let path = match at_path {
        0 => Vec::new(),
        at => call.guest.c_bytes(at, MAX_PATH)?.ok_or(Errno::NAMETOOLONG)?,
    };
    let times = times(call, at_times)?;
    let follow = flags & AT_SYMLINK_NOFOLLOW == 0;
    let files = lock(&call.ctx.shared.files);
    if !path.is_empty() {
        let place = files.walk(&start(&files, dir, &path)?, &path, follow)?.existing()?;
        files.set_times(&place, follow, times, now())?;
        return Ok(0);
    }
    let place = match dir {
        AT_FDCWD => files.cwd.clone(),
        fd => match &files.get(fd.cast_unsigned())?.kind {
            OpenKind::File(node) => Place::Memory(node.clone()),
            OpenKind::Dir(place) => place.clone(),
            OpenKind::HostFile(file, mount) => {
                if mount.read_only {
                    return Err(Errno::ROFS);
                }
                rustix::fs::futimens(file, &timestamps(times))?;
                return Ok(0);
            }
            _ => return Ok(0),
        },
    };
    files.set_times(&place, true, times, now())?;
    Ok(0)
}

pub(super) fn truncate(call: &mut Call<'_>) -> Result {
    let (path, len) = (path(call)?, call.args.i64());
    at(call, AT_FDCWD, &path, |files, start| files.truncate(start, &path, len, now()))?;
    Ok(0)
}

pub(super) fn ftruncate(call: &mut Call<'_>) -> Result {
    let (fd, len) = (call.args.u32(), call.args.i64());
    let open = lock(&call.ctx.shared.files).get(fd)?;
    open.truncate(len, now())?;
    Ok(0)
}

/// Makes a file long enough; its mode must be 0.
pub(super) fn fallocate(call: &mut Call<'_>) -> Result {
    let (fd, mode) = (call.args.u32(), call.args.u32());
    let (offset, len) = (call.args.i64(), call.args.i64());
    if mode != 0 || offset < 0 || len <= 0 {
        return Err(Errno::INVAL);
    }
    let end = offset.checked_add(len).ok_or(Errno::FBIG)?;
    let open = lock(&call.ctx.shared.files).get(fd)?;
    match &open.kind {
        OpenKind::File(_) | OpenKind::HostFile(..) => {}
        _ => return Err(Errno::NODEV),
    }
    if open.stat(0)?.size < end as u64 {
        open.truncate(end, now()).map_err(|errno| match errno {
            Errno::INVAL => Errno::BADF,
            errno => errno,
        })?;
    }
    Ok(0)
}

/// Advice that changes nothing.
pub(super) fn nothing(_: &mut Call<'_>) -> Result {
    Ok(0)
}

/// `struct statfs`, in the old layout with counts of 32 bits, in the new one of 64.
fn put_statfs(call: &mut Call<'_>, size: u32, buffer: u32) -> Result {
    let (blocks, nodes) = {
        let files = lock(&call.ctx.shared.files);
        (files.budget.bytes_left() / 4096, files.budget.nodes_left())
    };
    let word = |value: u64| u32::try_from(value).unwrap_or(u32::MAX);
    let layout = call.ctx.layout();
    match layout {
        crate::Layout::Old => {
            // Type, block size, blocks, free, available, files, free files, id, longest name,
            // fragment size, flags.
            let blocks = word(blocks);
            let words =
                [0, 4096, blocks, blocks, blocks, word(nodes), word(nodes), 42, 0, 255, 4096, 2];
            let bytes: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
            if size < 48 {
                return Err(Errno::INVAL);
            }
            call.guest.write(buffer, &bytes)?;
        }
        crate::Layout::New => {
            let mut bytes = [0; 72];
            bytes[4..8].copy_from_slice(&4096_u32.to_le_bytes());
            for (i, count) in [blocks, blocks, blocks, nodes, nodes].into_iter().enumerate() {
                bytes[8 + 8 * i..16 + 8 * i].copy_from_slice(&count.to_le_bytes());
            }
            for (at, value) in [(48, 42_u32), (56, 255), (60, 4096), (64, 2)] {
                bytes[at..at + 4].copy_from_slice(&value.to_le_bytes());
            }
            if size < 72 {
                return Err(Errno::INVAL);
            }
            call.guest.write(buffer, &bytes)?;
        }
    }
    Ok(0)
}

pub(super) fn statfs(call: &mut Call<'_>) -> Result {
    let (path, size, buffer) = (path(call)?, call.args.u32(), call.args.u32());
    at(call, AT_FDCWD, &path, |files, start| files.stat(start, &path, true))?;
    put_statfs(call, size, buffer)
}

pub(super) fn fstatfs(call: &mut Call<'_>) -> Result {
    let (fd, size, buffer) = (call.args.u32(), call.args.u32(), call.args.u32());
    lock(&call.ctx.shared.files).get(fd)?;
    put_statfs(call, size, buffer)
}

pub(super) fn fdatasync(call: &mut Call<'_>) -> Result {
    let open = lock(&call.ctx.shared.files).get(call.args.u32())?;
    open.sync()?;
    Ok(0)
}

pub(super) fn umask(call: &mut Call<'_>) -> Result {
    let mut files = lock(&call.ctx.shared.files);
    let old = std::mem::replace(&mut files.umask, call.args.u32() & 0o777);
    Ok(old.cast_signed())
}
