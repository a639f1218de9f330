//! Paths: opening, creating, removing, renaming and linking.
//!
//! A path is relative to an open directory and stays below it: `cap_std` and `place.rs` see to
//! that. Each function checks the permissions of the directory, then its rights.

use std::ffi::CStr;

use cap_fs_ext::{FollowSymlinks, OpenOptionsFollowExt};
use cap_std::fs::{Dir, OpenOptions, OpenOptionsExt};
use rustix::fs::{
    AtFlags, FileType, Mode, OFlags, fstat, linkat, mkdirat, readlinkat, renameat, symlinkat,
    unlinkat,
};

use super::place::{Place, means_directory, metadata_at};
use super::types::{HOST_FLAGS, fdflags, follows, known_flags, oflags};
use crate::ctx::{Entry, State};
use crate::descriptor::{Descriptor, OpenDir, OpenFile};
use crate::errno::Errno;
use crate::guest::Guest;
use crate::perms::{DirPerms, FilePerms, Perms};
use crate::rights::{self, Rights};

/// The directory of `entry`, if its permissions include `perms` and its rights `rights`.
pub(super) fn dir(entry: &Entry, perms: DirPerms, rights: u64) -> Result<&OpenDir, Errno> {
    // That it is a directory comes first.
    if !entry.dir(0)?.perms.dir.contains(perms) {
        return Err(Errno::PERM);
    }
    entry.dir(rights)
}

/// Opens a file or directory.
///
/// Rights say, besides what may be done with the new descriptor, whether to open for reading,
/// writing or both: the interface has no other place for that.
pub(super) fn path_open(
    ctx: &State,
    mut guest: Guest<'_>,
    fd: u32,
    lookup: u32,
    path: u32,
    len: u32,
    oflags: u32,
    rights: u64,
    inheriting: u64,
    fdflags: u32,
    result: u32,
) -> Result<(), Errno> {
    let result = guest.span(result, 4)?;
    let path = guest.path(path, len)?;
    let request = OpenRequest::new(follows(lookup)?, oflags, rights, fdflags)?;
    let entry = ctx.fds.get(fd)?;
    let dir = dir(&entry, DirPerms::READ, rights::PATH_OPEN)?;
    request.check_perms(dir.perms)?;
    let parent = entry.rights;
    request.check_rights(parent)?;
    let opened = request.open(dir, &path, parent.pass_on(rights, inheriting)?)?;
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
        let oflags = known_flags(oflags, oflags::ALL)?;
        let fdflags = known_flags(fdflags, fdflags::ALL)?;
        let directory = oflags & oflags::DIRECTORY != 0;
        if directory && oflags != oflags::DIRECTORY {
            return Err(Errno::INVAL);
        }
        let mut writing = rights::FD_WRITE;
        if !directory {
            // Guests ask for these also when they open a directory, where they mean nothing.
            writing |= rights::FD_ALLOCATE | rights::FD_FILESTAT_SET_SIZE;
        }
        let read = rights & (rights::FD_READ | rights::FD_READDIR) != 0;
        Ok(OpenRequest { follow, oflags, fdflags, read, write: rights & writing != 0 })
    }

    fn oflag(&self, flag: u32) -> bool {
        self.oflags & flag != 0
    }

    fn fdflag(&self, flag: u32) -> bool {
        self.fdflags & flag != 0
    }

    fn check_perms(&self, perms: Perms) -> Result<(), Errno> {
        let creates = self.oflag(oflags::CREAT);
        let writes = self.write || self.oflag(oflags::TRUNC);
        let allowed = (!creates || perms.dir.contains(DirPerms::MUTATE))
            && (!writes || perms.file.contains(FilePerms::WRITE));
        if allowed { Ok(()) } else { Err(Errno::PERM) }
    }

    fn check_rights(&self, parent: Rights) -> Result<(), Errno> {
        if self.oflag(oflags::CREAT) {
            parent.need(rights::PATH_CREATE_FILE)?;
        }
        if self.oflag(oflags::TRUNC) {
            parent.need(rights::PATH_FILESTAT_SET_SIZE)?;
        }
        let passed_on = Rights::new(parent.inheriting, 0);
        if self.fdflag(fdflags::SYNC) || self.fdflag(fdflags::RSYNC) {
            passed_on.need(rights::FD_SYNC)?;
        }
        if self.fdflag(fdflags::DSYNC) {
            passed_on.need_any(rights::FD_SYNC | rights::FD_DATASYNC)?;
        }
        Ok(())
    }

    fn open(&self, dir: &OpenDir, path: &str, rights: Rights) -> Result<Entry, Errno> {
        let file = dir.dir.open_with(path, &self.options())?.into_std();
        let filetype = FileType::from_raw_mode(fstat(&file)?.st_mode);
        if filetype == FileType::Directory {
            let opened = OpenDir::new(Dir::from_std_file(file), dir.perms, None);
            return Ok(Entry::new(Descriptor::Dir(opened), rights.of_dir()));
        }
        if self.read && !dir.perms.file.contains(FilePerms::READ) {
            return Err(Errno::PERM);
        }
        let opened = OpenFile { file, perms: dir.perms.file };
        Ok(Entry::new(Descriptor::File(opened), rights.of_file()))
    }

    fn options(&self) -> OpenOptions {
        // By these flags, as the options of the same name have rules that Linux does not have:
        // that creating, truncating and appending take access to write.
        let mut custom = OFlags::NOCTTY;
        custom.set(OFlags::CREATE, self.oflag(oflags::CREAT));
        custom.set(OFlags::EXCL, self.oflag(oflags::CREAT) && self.oflag(oflags::EXCL));
        custom.set(OFlags::TRUNC, self.oflag(oflags::TRUNC));
        custom.set(OFlags::DIRECTORY, self.oflag(oflags::DIRECTORY));
        for (host, flag) in HOST_FLAGS {
            if self.fdflag(flag) {
                custom |= host;
            }
        }

        let mut options = OpenOptions::new();
        options
            .read(self.read || !self.write)
            .write(self.write)
            .follow(if self.follow { FollowSymlinks::Yes } else { FollowSymlinks::No })
            // The host's flags fit: they come from a C `int`.
            .custom_flags(custom.bits().cast_signed());
        options
    }
}

pub(super) fn path_create_directory(
    ctx: &State,
    guest: Guest<'_>,
    fd: u32,
    path: u32,
    len: u32,
) -> Result<(), Errno> {
    let path = guest.path(path, len)?;
    let entry = ctx.fds.get(fd)?;
    let dir = dir(&entry, DirPerms::MUTATE, rights::PATH_CREATE_DIRECTORY)?;
    let place = Place::find(&dir.dir, &path)?;
    // Less what the process masks out, as everywhere.
    Ok(mkdirat(place.dir(), place.name, Mode::RWXU | Mode::RWXG | Mode::RWXO)?)
}

pub(super) fn path_remove_directory(
    ctx: &State,
    guest: Guest<'_>,
    fd: u32,
    path: u32,
    len: u32,
) -> Result<(), Errno> {
    let path = guest.path(path, len)?;
    let entry = ctx.fds.get(fd)?;
    let dir = dir(&entry, DirPerms::MUTATE, rights::PATH_REMOVE_DIRECTORY)?;
    let place = Place::find(&dir.dir, &path)?;
    Ok(unlinkat(place.dir(), place.name, AtFlags::REMOVEDIR)?)
}

pub(super) fn path_unlink_file(
    ctx: &State,
    guest: Guest<'_>,
    fd: u32,
    path: u32,
    len: u32,
) -> Result<(), Errno> {
    let path = guest.path(path, len)?;
    let entry = ctx.fds.get(fd)?;
    let dir = dir(&entry, DirPerms::MUTATE, rights::PATH_UNLINK_FILE)?;
    let place = Place::find(&dir.dir, &path)?;
    Ok(unlinkat(place.dir(), place.name, AtFlags::empty())?)
}

pub(super) fn path_rename(
    ctx: &State,
    guest: Guest<'_>,
    fd: u32,
    old: u32,
    old_len: u32,
    to_fd: u32,
    new: u32,
    new_len: u32,
) -> Result<(), Errno> {
    let (old, new) = (guest.path(old, old_len)?, guest.path(new, new_len)?);
    let source = ctx.fds.get(fd)?;
    let from = dir(&source, DirPerms::MUTATE, rights::PATH_RENAME_SOURCE)?;
    let target = ctx.fds.get(to_fd)?;
    let to = dir(&target, DirPerms::MUTATE, rights::PATH_RENAME_TARGET)?;
    check_move(from, to)?;
    let (from, to) = (Place::find(&from.dir, &old)?, Place::find(&to.dir, &new)?);
    Ok(renameat(from.dir(), from.name, to.dir(), to.name)?)
}

/// Makes a hard link. One to what a symbolic link points to cannot be asked for, as the host has
/// no call that does it below a directory.
pub(super) fn path_link(
    ctx: &State,
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
    let source = ctx.fds.get(fd)?;
    let from = dir(&source, DirPerms::MUTATE, rights::PATH_LINK_SOURCE)?;
    let target = ctx.fds.get(to_fd)?;
    let to = dir(&target, DirPerms::MUTATE, rights::PATH_LINK_TARGET)?;
    check_move(from, to)?;
    if follows(lookup)? {
        return Err(Errno::INVAL);
    }
    if means_directory(&old) {
        // There are no hard links to directories, if it is one.
        return Err(metadata_at(&from.dir, &old, true).map_or_else(|error| error, |_| Errno::PERM));
    }
    let (from, to) = (Place::find(&from.dir, &old)?, Place::find(&to.dir, &new)?);
    Ok(linkat(from.dir(), from.name, to.dir(), to.name, AtFlags::empty())?)
}

/// A file must not get permissions by getting a name in another preopened directory.
fn check_move(from: &OpenDir, to: &OpenDir) -> Result<(), Errno> {
    if from.perms.cover(to.perms) { Ok(()) } else { Err(Errno::PERM) }
}

/// Makes a symbolic link. An absolute target is refused, as it would name a file of the host.
pub(super) fn path_symlink(
    ctx: &State,
    guest: Guest<'_>,
    target: u32,
    target_len: u32,
    fd: u32,
    path: u32,
    len: u32,
) -> Result<(), Errno> {
    let (target, path) = (guest.path(target, target_len)?, guest.path(path, len)?);
    let entry = ctx.fds.get(fd)?;
    let dir = dir(&entry, DirPerms::MUTATE, rights::PATH_SYMLINK)?;
    if target.starts_with('/') {
        return Err(Errno::NOTCAPABLE);
    }
    let place = Place::find(&dir.dir, &path)?;
    Ok(symlinkat(target, place.dir(), place.name)?)
}

/// Gives what a symbolic link contains, cut off where the buffer ends. An absolute target is not
/// shown, as it is a path of the host.
pub(super) fn path_readlink(
    ctx: &State,
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
    let entry = ctx.fds.get(fd)?;
    let dir = dir(&entry, DirPerms::READ, rights::PATH_READLINK)?;
    if means_directory(&path) {
        // Which is not a link, if there is one.
        return Err(metadata_at(&dir.dir, &path, true).map_or_else(|error| error, |_| Errno::INVAL));
    }
    let place = Place::find(&dir.dir, &path)?;
    let target = readlinkat(place.dir(), place.name, Vec::new())?;
    let target = CStr::to_str(&target).map_err(|_| Errno::ILSEQ)?;
    if target.starts_with('/') {
        return Err(Errno::NOTCAPABLE);
    }
    let count = guest.put(buffer, target.as_bytes());
    guest.put_u32(used, count as u32);
    Ok(())
}
