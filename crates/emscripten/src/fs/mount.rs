//! Folders of the host that a guest sees.
//!
//! Invariant: every path goes through `cap_std`, which keeps it below the folder, whatever links
//! there are; a folder mounted to be read is never changed.

use std::ffi::OsStr;
use std::fs::File;
use std::io;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::sync::Weak;
use std::time::{Duration, SystemTime};

use cap_fs_ext::{DirExt, FollowSymlinks, OpenOptionsFollowExt, SystemTimeSpec};
use cap_std::fs::{
    Dir, Metadata, MetadataExt as _, OpenOptions, OpenOptionsExt, Permissions, PermissionsExt,
};

use super::Entry;
use super::listing::size;
use super::node::Node;
use super::stat::{Stat, Times, kind};
use rustix::fs::{Timespec, Timestamps, UTIME_OMIT};

use crate::errno::Errno;
use crate::fs::flags;

/// A folder of the host.
pub(crate) struct Mount {
    pub(crate) dir: Dir,
    pub(crate) read_only: bool,
    /// Its device number for the guest.
    pub(crate) dev: u32,
    /// The directory where it is mounted.
    pub(crate) node: Weak<Node>,
}

/// What was opened.
pub(crate) enum Opened {
    File(File),
    Dir,
}

/// `cap_std` has no empty paths.
fn of(path: &Path) -> &Path {
    if path.as_os_str().is_empty() { Path::new(".") } else { path }
}

impl Mount {
    fn writable(&self) -> Result<(), Errno> {
        if self.read_only { Err(Errno::ROFS) } else { Ok(()) }
    }

    pub(crate) fn stat(&self, path: &Path, follow: bool) -> Result<Stat, Errno> {
        let meta = match follow {
            true => self.dir.metadata(of(path)),
            false => self.dir.symlink_metadata(of(path)),
        };
        Ok(self.describe(&meta?))
    }

    /// Of a file that is open.
    pub(crate) fn stat_file(&self, file: &File) -> Result<Stat, Errno> {
        Ok(self.describe(&Metadata::from_file(file)?))
    }

    fn describe(&self, meta: &Metadata) -> Stat {
        Stat {
            dev: self.dev,
            ino: meta.ino(),
            mode: meta.mode(),
            nlink: u32::try_from(meta.nlink()).unwrap_or(u32::MAX),
            rdev: 0,
            size: meta.size(),
            times: Times {
                accessed: nanos(meta.atime(), meta.atime_nsec()),
                modified: nanos(meta.mtime(), meta.mtime_nsec()),
                changed: nanos(meta.ctime(), meta.ctime_nsec()),
            },
        }
    }

    /// Opens by Emscripten's flags. Devices, pipes and sockets of the host are refused: a guest
    /// could wait there for ever, or do to a device whatever its driver allows.
    pub(crate) fn open(&self, path: &Path, flags: u32, mode: u32) -> Result<Opened, Errno> {
        let access = flags & flags::ACCESS;
        let changes = access != flags::READ || flags & (flags::CREATE | flags::TRUNCATE) != 0;
        let follow = flags & flags::NO_FOLLOW == 0;
        let existing = match self.stat(path, follow) {
            Ok(stat) => Some(stat),
            Err(Errno::NOENT) if flags & flags::CREATE != 0 => None,
            Err(errno) => return Err(errno),
        };
        if let Some(stat) = existing {
            if flags & flags::CREATE != 0 && flags & flags::EXCLUSIVE != 0 {
                return Err(Errno::EXIST);
            }
            match stat.mode & kind::MASK {
                kind::DIR if access != flags::READ || flags & flags::CREATE != 0 => {
                    return Err(Errno::ISDIR);
                }
                kind::DIR => return Ok(Opened::Dir),
                _ if flags & flags::DIRECTORY != 0 => return Err(Errno::NOTDIR),
                kind::FILE => {}
                kind::LINK => return Err(Errno::LOOP),
                _ => return Err(Errno::ACCES),
            }
        }
        if changes && (existing.is_none() || access != flags::READ || flags & flags::TRUNCATE != 0)
        {
            self.writable()?;
        }
        let mut host = rustix::fs::OFlags::NOCTTY | rustix::fs::OFlags::NONBLOCK;
        host.set(rustix::fs::OFlags::CREATE, flags & flags::CREATE != 0 && !self.read_only);
        host.set(rustix::fs::OFlags::EXCL, flags & flags::EXCLUSIVE != 0);
        host.set(rustix::fs::OFlags::TRUNC, flags & flags::TRUNCATE != 0);
        host.set(rustix::fs::OFlags::APPEND, flags & flags::APPEND != 0);
        let mut options = OpenOptions::new();
        options
            .read(access != flags::WRITE)
            .write(access != flags::READ)
            .follow(if follow { FollowSymlinks::Yes } else { FollowSymlinks::No })
            .mode(mode & 0o777)
            .custom_flags(host.bits().cast_signed());
        let file = self.dir.open_with(of(path), &options)?.into_std();
        match file.metadata()?.mode() & kind::MASK {
            kind::FILE => Ok(Opened::File(file)),
            kind::DIR => Ok(Opened::Dir),
            _ => Err(Errno::ACCES),
        }
    }

    pub(crate) fn mkdir(&self, path: &Path, mode: u32) -> Result<(), Errno> {
        self.writable()?;
        let mut builder = cap_std::fs::DirBuilder::new();
        use cap_std::fs::DirBuilderExt;
        builder.mode(mode & 0o777);
        Ok(self.dir.create_dir_with(of(path), &builder)?)
    }

    pub(crate) fn rmdir(&self, path: &Path) -> Result<(), Errno> {
        self.writable()?;
        if path.as_os_str().is_empty() {
            return Err(Errno::BUSY);
        }
        Ok(self.dir.remove_dir(path)?)
    }

    pub(crate) fn unlink(&self, path: &Path) -> Result<(), Errno> {
        self.writable()?;
        Ok(self.dir.remove_file(of(path))?)
    }

    pub(crate) fn rename(&self, from: &Path, target: &Mount, to: &Path) -> Result<(), Errno> {
        self.writable()?;
        target.writable()?;
        if from.as_os_str().is_empty() || to.as_os_str().is_empty() {
            return Err(Errno::BUSY);
        }
        Ok(self.dir.rename(from, &target.dir, to)?)
    }

    /// Gives a file a second name; `follow` a symbolic link or not.
    pub(crate) fn hard_link(
        &self,
        from: &Path,
        target: &Mount,
        to: &Path,
        follow: bool,
    ) -> Result<(), Errno> {
        self.writable()?;
        target.writable()?;
        let from = match follow {
            true => self.dir.canonicalize(of(from))?,
            false => of(from).to_owned(),
        };
        Ok(self.dir.hard_link(from, &target.dir, of(to))?)
    }

    pub(crate) fn symlink(&self, target: &[u8], path: &Path) -> Result<(), Errno> {
        self.writable()?;
        if target.starts_with(b"/") {
            // It would name a file of the host.
            return Err(Errno::PERM);
        }
        Ok(self.dir.symlink(OsStr::from_bytes(target), of(path))?)
    }

    pub(crate) fn readlink(&self, path: &Path) -> Result<Vec<u8>, Errno> {
        if self.stat(path, false)?.mode & kind::MASK != kind::LINK {
            return Err(Errno::INVAL);
        }
        Ok(self.dir.read_link(of(path))?.into_os_string().into_vec())
    }

    /// Refuses devices, pipes and sockets of the host, for what `cap_std` opens files to do.
    fn is_plain(&self, path: &Path, follow: bool) -> Result<(), Errno> {
        match self.stat(path, follow)?.mode & kind::MASK {
            kind::FILE | kind::DIR | kind::LINK => Ok(()),
            _ => Err(Errno::ACCES),
        }
    }

    pub(crate) fn chmod(&self, path: &Path, mode: u32) -> Result<(), Errno> {
        self.writable()?;
        self.is_plain(path, true)?;
        let permissions = Permissions::from_mode(mode & 0o777);
        Ok(self.dir.set_permissions(of(path), permissions)?)
    }

    /// Sets the times that are given, in nanoseconds since 1970.
    pub(crate) fn set_times(
        &self,
        path: &Path,
        follow: bool,
        times: [Option<i64>; 2],
    ) -> Result<(), Errno> {
        self.writable()?;
        self.is_plain(path, follow)?;
        let before_1970 = times.iter().flatten().any(|time| *time < 0);
        if before_1970 {
            // `cap_std` panics there; an open file can have any time.
            let mut options = OpenOptions::new();
            let follow = if follow { FollowSymlinks::Yes } else { FollowSymlinks::No };
            let flags = rustix::fs::OFlags::NONBLOCK.bits().cast_signed();
            options.read(true).follow(follow).custom_flags(flags);
            let file = self.dir.open_with(of(path), &options)?;
            return Ok(rustix::fs::futimens(file, &timestamps(times))?);
        }
        let spec = |time: Option<i64>| {
            let after = time.map(|time| Duration::from_nanos(time.unsigned_abs()));
            let time = after.and_then(|after| SystemTime::UNIX_EPOCH.checked_add(after))?;
            Some(SystemTimeSpec::Absolute(cap_std::time::SystemTime::from_std(time)))
        };
        let (accessed, modified) = (spec(times[0]), spec(times[1]));
        let done = match follow {
            true => self.dir.set_times(of(path), accessed, modified),
            false => self.dir.set_symlink_times(of(path), accessed, modified),
        };
        Ok(done?)
    }

    pub(crate) fn truncate(&self, path: &Path, len: u64) -> Result<(), Errno> {
        match self.open(path, flags::WRITE, 0)? {
            Opened::File(file) => Ok(file.set_len(len)?),
            Opened::Dir => Err(Errno::ISDIR),
        }
    }

    /// The entries of a directory, without itself and the one above.
    ///
    /// # Errors
    ///
    /// `ENOMEM` when they take more than `most` bytes, besides those that the host has.
    pub(crate) fn list(&self, path: &Path, most: u64) -> Result<Vec<Entry>, Errno> {
        let entry = |entry: io::Result<cap_std::fs::DirEntry>| {
            let entry = entry?;
            let mode = match entry.file_type()? {
                ty if ty.is_dir() => kind::DIR,
                ty if ty.is_symlink() => kind::LINK,
                ty if ty.is_file() => kind::FILE,
                _ => kind::CHAR,
            };
            let ino = entry.metadata().map(|meta| meta.ino()).unwrap_or(0);
            Ok::<_, io::Error>(Entry { name: entry.file_name().into_vec(), ino, mode })
        };
        let (mut list, mut bytes) = (Vec::new(), 0);
        for found in self.dir.read_dir(of(path))? {
            let entry = entry(found)?;
            bytes += size(&entry);
            if bytes > most {
                return Err(Errno::NOMEM);
            }
            list.push(entry);
        }
        Ok(list)
    }
}

fn nanos(seconds: i64, nanos: i64) -> i64 {
    seconds.saturating_mul(1_000_000_000).saturating_add(nanos)
}

/// For calls of the host; what is not given stays.
pub(crate) fn timestamps(times: [Option<i64>; 2]) -> Timestamps {
    let spec = |time: Option<i64>| match time {
        None => Timespec { tv_sec: 0, tv_nsec: UTIME_OMIT },
        Some(time) => Timespec {
            tv_sec: time.div_euclid(1_000_000_000),
            tv_nsec: time.rem_euclid(1_000_000_000) as _,
        },
    };
    Timestamps { last_access: spec(times[0]), last_modification: spec(times[1]) }
}

#[cfg(test)]
mod tests {
    use super::{Mount, flags};
    use crate::errno::Errno;
    use cap_std::ambient_authority;
    use cap_std::fs::Dir;
    use std::path::Path;
    use std::sync::Weak;

    /// `cap_std` opens a file to set its times, which waits for ever if it is a pipe.
    #[test]
    fn pipes_of_the_host_keep_nobody_waiting() {
        let folder = tempfile::tempdir().unwrap();
        let status = std::process::Command::new("mkfifo").arg(folder.path().join("pipe")).status();
        assert!(status.unwrap().success());
        std::os::unix::net::UnixListener::bind(folder.path().join("socket")).unwrap();
        let dir = Dir::open_ambient_dir(folder.path(), ambient_authority()).unwrap();
        let mount = Mount { dir, read_only: false, dev: 16, node: Weak::new() };
        for path in ["pipe", "socket"].map(Path::new) {
            for access in [flags::READ, flags::WRITE, flags::CREATE | flags::TRUNCATE] {
                assert_eq!(mount.open(path, access, 0o666).err(), Some(Errno::ACCES));
            }
            for times in [[Some(1), None], [Some(-1), Some(1)]] {
                assert_eq!(mount.set_times(path, true, times), Err(Errno::ACCES));
                let _ = mount.set_times(path, false, times);
            }
            assert_eq!(mount.truncate(path, 1), Err(Errno::ACCES));
            assert_eq!(mount.chmod(path, 0o600), Err(Errno::ACCES));
            assert!(mount.list(path, 0).is_err());
        }
    }

    #[test]
    fn times_before_1970_are_set() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("old"), "").unwrap();
        let dir = Dir::open_ambient_dir(folder.path(), ambient_authority()).unwrap();
        let mount = Mount { dir, read_only: false, dev: 16, node: Weak::new() };
        let path = Path::new("old");
        for (given, seconds) in [([Some(-5_000_000_000), None], -5), ([Some(7), Some(7)], 0)] {
            mount.set_times(path, true, given).unwrap();
            let accessed = mount.stat(path, true).unwrap().times.accessed;
            assert_eq!(accessed.div_euclid(1_000_000_000), seconds);
        }
    }
}
