//! Paths: opening, creating, removing, renaming and linking.
//!
//! A path is relative to an open directory and stays below it; `cap_std` sees to that. This file
//! passes it the path as it came and does not interpret it.

use cap_fs_ext::{FollowSymlinks, OpenOptionsFollowExt, OpenOptionsSyncExt};
use cap_std::fs::{Dir, OpenOptions, OpenOptionsExt};
use rustix::fs::OFlags;

use super::types::{fdflags, follows, known_flags, oflags, rights};
use crate::ctx::WasiCtx;
use crate::descriptor::{Descriptor, OpenDir, OpenFile};
use crate::errno::Errno;
use crate::guest::Guest;

/// Opens a file or directory.
///
/// Rights are read for one thing, whether to open for reading, writing or both: the interface has
/// no other place for that.
pub(super) fn path_open(
    ctx: &mut WasiCtx,
    mut guest: Guest<'_>,
    fd: u32,
    lookup: u32,
    path: u32,
    len: u32,
    oflags: u32,
    rights: u64,
    _inheriting: u64,
    fdflags: u32,
    result: u32,
) -> Result<(), Errno> {
    let result = guest.span(result, 4)?;
    let path = guest.path(path, len)?;
    let request = OpenRequest::new(follows(lookup)?, oflags, rights, fdflags)?;
    let opened = request.open(&ctx.fds.dir(fd)?.dir, &path)?;
    let fd = ctx.fds.insert(opened)?;
    guest.put_u32(result, fd);
    Ok(())
}

/// How to open a path.
struct OpenRequest {
    follow: bool,
    /// `$oflags`, all known.
    oflags: u32,
    /// `$fdflags`, all known.
    fdflags: u32,
    read: bool,
    write: bool,
}

impl OpenRequest {
    fn new(follow: bool, oflags: u32, rights: u64, fdflags: u32) -> Result<OpenRequest, Errno> {
        const READING: u64 = rights::FD_READ | rights::FD_READDIR;
        const WRITING: u64 = rights::FD_WRITE | rights::FD_ALLOCATE | rights::FD_FILESTAT_SET_SIZE;
        let oflags = known_flags(oflags, oflags::ALL)?;
        let fdflags = known_flags(fdflags, fdflags::ALL)?;
        let directory = oflags & oflags::DIRECTORY != 0;
        if directory && oflags != oflags::DIRECTORY {
            return Err(Errno::INVAL);
        }
        // Guests ask for all rights also when they open a directory, which cannot be written.
        let write = rights & WRITING != 0 && !directory;
        Ok(OpenRequest { follow, oflags, fdflags, read: rights & READING != 0, write })
    }

    fn open(&self, dir: &Dir, path: &str) -> Result<Descriptor, Errno> {
        let file = dir.open_with(path, &self.options())?.into_std();
        if file.metadata()?.is_dir() {
            return Ok(Descriptor::Dir(OpenDir::new(Dir::from_std_file(file), None)));
        }
        Ok(Descriptor::File(OpenFile { file, readable: self.read, writable: self.write }))
    }

    fn options(&self) -> OpenOptions {
        let oflag = |flag| self.oflags & flag != 0;
        let fdflag = |flag| self.fdflags & flag != 0;
        // Creating and truncating take write access on the host, whatever the guest asked for.
        let write = self.write || oflag(oflags::CREAT) || oflag(oflags::TRUNC);
        let mut custom = OFlags::empty();
        // By these flags, as the options of the same name have rules that WASI does not have.
        custom.set(OFlags::APPEND, fdflag(fdflags::APPEND));
        custom.set(OFlags::DIRECTORY, oflag(oflags::DIRECTORY));

        let mut options = OpenOptions::new();
        options
            .read(self.read || !write)
            .write(write)
            .create(oflag(oflags::CREAT))
            .create_new(oflag(oflags::CREAT) && oflag(oflags::EXCL))
            .truncate(oflag(oflags::TRUNC))
            .dsync(fdflag(fdflags::DSYNC))
            .nonblock(fdflag(fdflags::NONBLOCK))
            .rsync(fdflag(fdflags::RSYNC))
            .sync(fdflag(fdflags::SYNC))
            .follow(if self.follow { FollowSymlinks::Yes } else { FollowSymlinks::No })
            // The host's flags fit: they come from a C `int`.
            .custom_flags(custom.bits().cast_signed());
        options
    }
}

pub(super) fn path_create_directory(
    ctx: &mut WasiCtx,
    guest: Guest<'_>,
    fd: u32,
    path: u32,
    len: u32,
) -> Result<(), Errno> {
    let path = guest.path(path, len)?;
    Ok(ctx.fds.dir(fd)?.dir.create_dir(path)?)
}

pub(super) fn path_remove_directory(
    ctx: &mut WasiCtx,
    guest: Guest<'_>,
    fd: u32,
    path: u32,
    len: u32,
) -> Result<(), Errno> {
    let path = guest.path(path, len)?;
    Ok(ctx.fds.dir(fd)?.dir.remove_dir(path)?)
}

pub(super) fn path_unlink_file(
    ctx: &mut WasiCtx,
    guest: Guest<'_>,
    fd: u32,
    path: u32,
    len: u32,
) -> Result<(), Errno> {
    let path = guest.path(path, len)?;
    Ok(ctx.fds.dir(fd)?.dir.remove_file(path)?)
}

pub(super) fn path_rename(
    ctx: &mut WasiCtx,
    guest: Guest<'_>,
    fd: u32,
    old: u32,
    old_len: u32,
    to_fd: u32,
    new: u32,
    new_len: u32,
) -> Result<(), Errno> {
    let (old, new) = (guest.path(old, old_len)?, guest.path(new, new_len)?);
    let (from, to) = (ctx.fds.dir(fd)?, ctx.fds.dir(to_fd)?);
    Ok(from.dir.rename(old, &to.dir, new)?)
}

/// Makes a hard link. One to what a symbolic link points to cannot be asked for, as the host has
/// no call that does it below a directory.
pub(super) fn path_link(
    ctx: &mut WasiCtx,
    guest: Guest<'_>,
    fd: u32,
    lookup: u32,
    old: u32,
    old_len: u32,
    to_fd: u32,
    new: u32,
    new_len: u32,
) -> Result<(), Errno> {
    let (old, new) = (guest.path(old, old_len)?, guest.path(new, new_len)?);
    let (from, to) = (ctx.fds.dir(fd)?, ctx.fds.dir(to_fd)?);
    if follows(lookup)? {
        return Err(Errno::INVAL);
    }
    Ok(from.dir.hard_link(old, &to.dir, new)?)
}

/// Makes a symbolic link. An absolute target is refused, as it would name a file of the host.
pub(super) fn path_symlink(
    ctx: &mut WasiCtx,
    guest: Guest<'_>,
    target: u32,
    target_len: u32,
    fd: u32,
    path: u32,
    len: u32,
) -> Result<(), Errno> {
    let (target, path) = (guest.path(target, target_len)?, guest.path(path, len)?);
    Ok(ctx.fds.dir(fd)?.dir.symlink(target, path)?)
}

/// Gives what a symbolic link contains, cut off where the buffer ends. An absolute target is not
/// shown, as it is a path of the host.
pub(super) fn path_readlink(
    ctx: &mut WasiCtx,
    mut guest: Guest<'_>,
    fd: u32,
    path: u32,
    len: u32,
    buf: u32,
    buf_len: u32,
    used: u32,
) -> Result<(), Errno> {
    let used = guest.span(used, 4)?;
    let buffer = guest.span(buf, buf_len)?;
    let path = guest.path(path, len)?;
    let target = ctx.fds.dir(fd)?.dir.read_link(path)?;
    let target = target.to_str().ok_or(Errno::ILSEQ)?;
    let count = guest.put(buffer, target.as_bytes());
    guest.put_u32(used, count as u32);
    Ok(())
}
