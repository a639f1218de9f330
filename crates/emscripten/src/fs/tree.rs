//! Calls that change or describe the tree by path.

use std::sync::Arc;

use super::listing::{self, Listing};
use super::node::{Node, NodeKind};
use super::open::{Open, OpenKind};
use super::stat::{Stat, kind};
use super::walk::{Found, MAX_PATH, Place};
use super::{Entry, Files, MAX_DEPTH, name};
use crate::errno::Errno;
use crate::stream::lock;

impl Files {
    pub(crate) fn stat(&self, start: &Place, path: &[u8], follow: bool) -> Result<Stat, Errno> {
        let found = self.walk(start, path, follow)?;
        let follow = follow || found.slash;
        found.existing()?.stat(follow)
    }

    /// Whether a path may be accessed: 4 to read, 2 to write, 1 to search or execute.
    pub(crate) fn access(&self, start: &Place, path: &[u8], how: u32) -> Result<(), Errno> {
        if how & !7 != 0 {
            return Err(Errno::INVAL);
        }
        let place = self.walk(start, path, true)?.existing()?;
        if let Place::Host(mount, _) = &place
            && mount.read_only
            && how & 2 != 0
        {
            return Err(Errno::ROFS);
        }
        let mode = place.stat(true)?.mode;
        let denied = (0..3).any(|bit| how & (1 << bit) != 0 && mode & (0o111 << bit) == 0);
        if denied { Err(Errno::ACCES) } else { Ok(()) }
    }

    pub(crate) fn mkdir(
        &self,
        start: &Place,
        path: &[u8],
        mode: u32,
        now: i64,
    ) -> Result<(), Errno> {
        let found = self.walk(start, path, false)?;
        self.make(found, Node::directory(), mode & !self.umask, now)
    }

    /// Makes a regular file; devices cannot be made.
    pub(crate) fn mknod(
        &self,
        start: &Place,
        path: &[u8],
        mode: u32,
        now: i64,
    ) -> Result<(), Errno> {
        match mode & kind::MASK {
            0 | kind::FILE => {}
            _ => return Err(Errno::PERM),
        }
        let found = self.walk(start, path, false)?;
        if let (None, Place::Host(mount, dir)) = (&found.target, &found.dir) {
            let flags = super::flags::CREATE | super::flags::EXCLUSIVE | super::flags::WRITE;
            let mode = mode & !self.umask;
            return mount.open(&dir.join(name(&found.name)), flags, mode).map(|_| ());
        }
        self.make(found, Node::file(), mode & !self.umask, now)
    }

    /// Makes something where nothing is.
    fn make(&self, found: Found, kind: NodeKind, mode: u32, now: i64) -> Result<(), Errno> {
        if found.target.is_some() {
            return Err(Errno::EXIST);
        }
        match &found.dir {
            Place::Host(mount, dir) => {
                let path = dir.join(name(&found.name));
                match kind {
                    NodeKind::Dir(_) => mount.mkdir(&path, mode),
                    NodeKind::Link(target) => mount.symlink(&target, &path),
                    NodeKind::File(_) | NodeKind::Device(_) => Err(Errno::PERM),
                }
            }
            Place::Memory(dir) => {
                if matches!(kind, NodeKind::Dir(_)) && dir.depth() >= MAX_DEPTH {
                    return Err(Errno::NAMETOOLONG);
                }
                dir.allows(0o222)?;
                self.check_linked(dir)?;
                if lock(dir.dir()?).lists_descriptors {
                    return Err(Errno::PERM);
                }
                dir.link(&found.name, Node::new(&self.budget, kind, mode, now)?)?;
                dir.touch(now);
                Ok(())
            }
        }
    }

    pub(crate) fn symlink(
        &self,
        target: &[u8],
        start: &Place,
        path: &[u8],
        now: i64,
    ) -> Result<(), Errno> {
        if target.is_empty() {
            return Err(Errno::NOENT);
        }
        if target.len() >= MAX_PATH {
            return Err(Errno::NAMETOOLONG);
        }
        let found = self.walk(start, path, false)?;
        if found.slash && found.target.is_none() {
            return Err(Errno::NOENT);
        }
        self.make(found, NodeKind::Link(target.to_vec()), 0o777, now)
    }

    /// Gives a file a second name; `follow` a symbolic link or not.
    pub(crate) fn hard_link(
        &self,
        (start, from): (&Place, &[u8]),
        (to_start, to): (&Place, &[u8]),
        follow: bool,
        now: i64,
    ) -> Result<(), Errno> {
        let source = self.walk(start, from, follow)?;
        let target = self.walk(to_start, to, false)?;
        let linked = source.existing()?;
        if target.target.is_some() {
            return Err(Errno::EXIST);
        }
        if linked.stat(false)?.is_dir() {
            return Err(Errno::PERM);
        }
        if target.slash {
            return Err(Errno::NOENT);
        }
        match (linked, &target.dir) {
            (Place::Host(mount, path), Place::Host(to_mount, dir)) => {
                if !Arc::ptr_eq(&mount, to_mount) {
                    return Err(Errno::XDEV);
                }
                mount.hard_link(&path, to_mount, &dir.join(name(&target.name)), follow)
            }
            (Place::Memory(node), Place::Memory(dir)) => {
                self.check_linked(dir)?;
                dir.allows(0o222)?;
                // A file that is open but has no name any more gets none.
                if lock(dir.dir()?).lists_descriptors || node.stat().nlink == 0 {
                    return Err(Errno::PERM);
                }
                dir.link(&target.name, node.clone())?;
                lock(&node.meta).times.changed = now;
                dir.touch(now);
                Ok(())
            }
            _ => Err(Errno::XDEV),
        }
    }

    pub(crate) fn readlink(&self, start: &Place, path: &[u8]) -> Result<Vec<u8>, Errno> {
        match self.walk(start, path, false)?.existing()? {
            Place::Host(mount, path) => mount.readlink(&path),
            Place::Memory(node) => match &node.kind {
                NodeKind::Link(target) => Ok(target.clone()),
                _ => Err(Errno::INVAL),
            },
        }
    }

    pub(crate) fn unlink(&self, start: &Place, path: &[u8], now: i64) -> Result<(), Errno> {
        let found = self.walk(start, path, false)?;
        if found.slash {
            return found.existing().and(Err(Errno::ISDIR));
        }
        match (found.target.ok_or(Errno::NOENT)?, found.dir) {
            (Place::Host(mount, path), _) => {
                if mount.stat(&path, false)?.is_dir() {
                    return Err(Errno::ISDIR);
                }
                mount.unlink(&path)
            }
            (Place::Memory(node), _) if node.is_dir() => Err(Errno::ISDIR),
            (Place::Memory(_), Place::Memory(dir)) => {
                dir.allows(0o222)?;
                dir.unlink(&found.name)?;
                dir.touch(now);
                Ok(())
            }
            // What is in memory below a mounted folder is needed there.
            (Place::Memory(_), Place::Host(..)) => Err(Errno::BUSY),
        }
    }

    pub(crate) fn rmdir(&self, start: &Place, path: &[u8], now: i64) -> Result<(), Errno> {
        let found = self.walk(start, path, false)?;
        if path.ends_with(b".") && found.name.is_empty() {
            let up = path.ends_with(b"..");
            return Err(if up { Errno::NOTEMPTY } else { Errno::INVAL });
        }
        match (found.target.ok_or(Errno::NOENT)?, found.dir) {
            (Place::Host(mount, path), _) => mount.rmdir(&path),
            (Place::Memory(node), Place::Memory(dir)) => {
                if found.name.is_empty() {
                    return Err(Errno::BUSY);
                }
                if !lock(node.dir()?).is_empty() {
                    return Err(Errno::NOTEMPTY);
                }
                if lock(node.dir()?).lists_descriptors {
                    return Err(Errno::BUSY);
                }
                dir.allows(0o222)?;
                dir.unlink(&found.name)?;
                dir.touch(now);
                Ok(())
            }
            (Place::Memory(_), Place::Host(..)) => Err(Errno::BUSY),
        }
    }

    pub(crate) fn rename(
        &self,
        (start, from): (&Place, &[u8]),
        (to_start, to): (&Place, &[u8]),
        now: i64,
    ) -> Result<(), Errno> {
        let source = self.walk(start, from, false)?;
        let target = self.walk(to_start, to, false)?;
        let moved = source.target.ok_or(Errno::NOENT)?;
        if source.name.is_empty() || target.name.is_empty() {
            return Err(Errno::BUSY);
        }
        if (source.slash || target.slash) && !moved.stat(false)?.is_dir() {
            return Err(Errno::NOTDIR);
        }
        match (moved, &source.dir, &target.dir) {
            (Place::Host(mount, path), _, Place::Host(to_mount, dir)) => {
                let onto_memory_or_mount = match &target.target {
                    Some(Place::Memory(_)) => true,
                    Some(Place::Host(_, path)) => path.as_os_str().is_empty(),
                    None => false,
                };
                if path.as_os_str().is_empty() || onto_memory_or_mount {
                    return Err(Errno::BUSY);
                }
                if !Arc::ptr_eq(&mount, to_mount) {
                    return Err(Errno::XDEV);
                }
                mount.rename(&path, to_mount, &dir.join(name(&target.name)))
            }
            (Place::Memory(node), Place::Memory(dir), Place::Memory(to_dir)) => {
                let to_dir = to_dir.clone();
                self.check_linked(&to_dir)?;
                match target.target {
                    Some(Place::Memory(old)) => {
                        if Arc::ptr_eq(&old, &node) {
                            return Ok(());
                        }
                        match (node.is_dir(), &old.kind) {
                            (true, NodeKind::Dir(directory)) => {
                                if !lock(directory).is_empty() {
                                    return Err(Errno::NOTEMPTY);
                                }
                            }
                            (true, _) => return Err(Errno::NOTDIR),
                            (false, NodeKind::Dir(_)) => return Err(Errno::ISDIR),
                            (false, _) => {}
                        }
                    }
                    Some(Place::Host(..)) => return Err(Errno::BUSY),
                    None => {}
                }
                if node.is_dir() {
                    if Files::contains(&node, &to_dir) {
                        return Err(Errno::INVAL);
                    }
                    if to_dir.depth() + node.height() > MAX_DEPTH {
                        return Err(Errno::NAMETOOLONG);
                    }
                }
                dir.allows(0o222)?;
                to_dir.allows(0o222)?;
                let node = dir.unlink(&source.name)?;
                to_dir.link(&target.name, node)?;
                dir.touch(now);
                to_dir.touch(now);
                Ok(())
            }
            _ => Err(Errno::XDEV),
        }
    }

    pub(crate) fn chmod(
        &self,
        start: &Place,
        path: &[u8],
        mode: u32,
        now: i64,
    ) -> Result<(), Errno> {
        let place = self.walk(start, path, true)?.existing()?;
        self.chmod_place(&place, mode, now)
    }

    pub(crate) fn chmod_place(&self, place: &Place, mode: u32, now: i64) -> Result<(), Errno> {
        match place {
            Place::Host(mount, path) => mount.chmod(path, mode),
            Place::Memory(node) => {
                let mut meta = lock(&node.meta);
                meta.mode = mode & 0o7777;
                meta.times.changed = now;
                Ok(())
            }
        }
    }

    /// Sets the times that are given.
    pub(crate) fn set_times(
        &self,
        place: &Place,
        follow: bool,
        times: [Option<i64>; 2],
        now: i64,
    ) -> Result<(), Errno> {
        match place {
            Place::Host(mount, path) => mount.set_times(path, follow, times),
            Place::Memory(node) => {
                let mut meta = lock(&node.meta);
                meta.times.accessed = times[0].unwrap_or(meta.times.accessed);
                meta.times.modified = times[1].unwrap_or(meta.times.modified);
                meta.times.changed = now;
                Ok(())
            }
        }
    }

    pub(crate) fn truncate(
        &self,
        start: &Place,
        path: &[u8],
        len: i64,
        now: i64,
    ) -> Result<(), Errno> {
        let len = u64::try_from(len).map_err(|_| Errno::INVAL)?;
        match self.walk(start, path, true)?.existing()? {
            Place::Host(mount, path) => mount.truncate(&path, len),
            Place::Memory(node) => {
                node.allows(0o222)?;
                node.truncate(len, now)
            }
        }
    }

    pub(crate) fn chdir(&mut self, place: Place) -> Result<(), Errno> {
        if !place.stat(true)?.is_dir() {
            return Err(Errno::NOTDIR);
        }
        if let Place::Memory(node) = &place {
            node.allows(0o111)?;
        }
        self.cwd = place;
        Ok(())
    }

    /// The entries of an open directory, itself and the one above first.
    pub(crate) fn list(&self, open: &Open) -> Result<Listing, Errno> {
        let OpenKind::Dir(place) = &open.kind else { return Err(Errno::NOTDIR) };
        let dots = |name: &str, place: &Place| {
            let ino = place.stat(true).map_or(0, |stat| stat.ino);
            Entry { name: name.into(), ino, mode: kind::DIR }
        };
        let mut entries = vec![dots(".", place), dots("..", &place.parent())];
        let memory = match place {
            Place::Memory(node) => Some(node.clone()),
            Place::Host(mount, path) if path.as_os_str().is_empty() => mount.node.upgrade(),
            Place::Host(..) => None,
        };
        if let Some(node) = memory {
            let directory = lock(node.dir()?);
            entries.extend(directory.entries().map(|(name, node)| {
                let stat = node.stat();
                Entry { name: name.to_vec(), ino: stat.ino, mode: stat.mode & kind::MASK }
            }));
            if directory.lists_descriptors {
                entries.extend(self.open_descriptors().map(|fd| {
                    let name = fd.to_string().into_bytes();
                    Entry { name, ino: u64::from(fd) + 1, mode: kind::LINK }
                }));
            }
        }
        if let Place::Host(mount, path) = place {
            let here: std::collections::HashSet<Vec<u8>> =
                entries.iter().map(|entry| entry.name.clone()).collect();
            let listed = mount.list(path, listing::most(&self.budget))?;
            entries.extend(listed.into_iter().filter(|entry| !here.contains(&entry.name)));
        }
        Listing::new(&self.budget, entries)
    }
}

#[cfg(test)]
mod tests {
    use crate::ctx::now;
    use crate::errno::Errno;
    use crate::fs::Files;
    use crate::fs::node::Budget;
    use crate::stream::{Input, Output};
    use cap_std::ambient_authority;
    use cap_std::fs::Dir;
    use std::os::unix::fs::PermissionsExt;
    use tempfile::TempDir;

    /// Files with new folders of the host at these paths.
    fn mounted<const N: usize>(paths: [&str; N]) -> (Files, [TempDir; N]) {
        let streams = (Input::Empty, Output::Discard, Output::Discard);
        let mut files = Files::new(Budget::new(1 << 20, 100), streams, now()).unwrap();
        let folders = paths.map(|path| {
            let folder = tempfile::tempdir().unwrap();
            let dir = Dir::open_ambient_dir(folder.path(), ambient_authority()).unwrap();
            files.mount(path.as_bytes(), dir, false, now()).unwrap();
            folder
        });
        (files, folders)
    }

    #[test]
    fn only_directories_have_dots_and_end_with_slashes() {
        let (files, [dir]) = mounted(["/data"]);
        std::fs::write(dir.path().join("file"), "").unwrap();
        let root = files.root();
        files.mknod(&root, b"/file", 0o644, 0).unwrap();
        for path in ["/file/.", "/file/..", "/data/file/.", "/data/file/../file"] {
            let found = files.stat(&root, path.as_bytes(), true);
            assert_eq!(found.err(), Some(Errno::NOTDIR), "{path}");
        }
        for path in ["/none/..", "/data/none/.."] {
            let found = files.stat(&root, path.as_bytes(), true);
            assert_eq!(found.err(), Some(Errno::NOENT), "{path}");
        }
        for path in ["/link/", "/data/link/"] {
            let made = files.symlink(b"file", &root, path.as_bytes(), 0);
            assert_eq!(made.err(), Some(Errno::NOENT), "{path}");
        }
    }

    #[test]
    fn files_of_the_host_are_made_with_the_mask() {
        let (mut files, [folder]) = mounted(["/data"]);
        files.umask = 0o077;
        files.mknod(&files.root(), b"/data/new", 0o100_666, now()).unwrap();
        let mode = std::fs::metadata(folder.path().join("new")).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    #[test]
    fn nothing_is_moved_to_where_a_folder_is_mounted() {
        let (files, [root, _inner]) = mounted(["/", "/inner"]);
        std::fs::write(root.path().join("file"), "").unwrap();
        let at = files.root();
        let moved = files.rename((&at, b"/file"), (&at, b"/inner"), now());
        assert_eq!(moved, Err(Errno::BUSY));
        assert!(root.path().join("file").exists() && !root.path().join("inner").exists());
    }
}
