//! From paths to places.
//!
//! Invariant: a walk visits no more than [`MAX_LINKS`] symbolic links, and a path of the guest
//! reaches the host only as a path relative to a mounted folder.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;
use std::sync::Arc;

use super::Files;
use super::mount::Mount;
use super::node::{Node, NodeKind};
use super::stat::Stat;
use crate::errno::Errno;
use crate::stream::lock;

/// Bytes of a path, as `PATH_MAX`.
pub(crate) const MAX_PATH: usize = 4096;
/// Bytes of a name, as `NAME_MAX`.
const MAX_NAME: usize = 255;
/// Symbolic links in one walk, as on Linux.
const MAX_LINKS: usize = 40;

/// A file or directory by where it is.
#[derive(Clone)]
pub(crate) enum Place {
    Memory(Arc<Node>),
    /// Below a mounted folder; the folder itself has an empty path.
    Host(Arc<Mount>, PathBuf),
}

/// Where a path leads.
pub(crate) struct Found {
    /// The directory that has, or would have, the last name of the path.
    pub(crate) dir: Place,
    /// Empty if the path ends with `.`, `..` or is the root.
    pub(crate) name: Vec<u8>,
    /// What is there.
    pub(crate) target: Option<Place>,
    /// The path ends with a slash.
    pub(crate) slash: bool,
}

impl Found {
    /// What is there, which must be a directory if the path ends with a slash.
    pub(crate) fn existing(self) -> Result<Place, Errno> {
        let target = self.target.ok_or(Errno::NOENT)?;
        if self.slash && !target.stat(true)?.is_dir() {
            return Err(Errno::NOTDIR);
        }
        Ok(target)
    }
}

impl Place {
    /// Of a directory that may be one where a folder is mounted.
    pub(crate) fn of(node: &Arc<Node>) -> Place {
        if let NodeKind::Dir(directory) = &node.kind
            && let Some(mount) = &lock(directory).mount
        {
            return Place::Host(mount.clone(), PathBuf::new());
        }
        Place::Memory(node.clone())
    }

    pub(crate) fn stat(&self, follow: bool) -> Result<Stat, Errno> {
        match self {
            Place::Memory(node) => Ok(node.stat()),
            Place::Host(mount, path) => mount.stat(path, follow),
        }
    }

    /// The directory above; that of the root is itself.
    pub(crate) fn parent(&self) -> Place {
        match self {
            Place::Memory(node) => Place::of(&node.parent()),
            Place::Host(mount, path) => match path.parent() {
                Some(parent) => Place::Host(mount.clone(), parent.to_owned()),
                None => match mount.node.upgrade() {
                    Some(node) if Arc::ptr_eq(&node.parent(), &node) => self.clone(),
                    Some(node) => Place::of(&node.parent()),
                    None => self.clone(),
                },
            },
        }
    }

    /// The entry that is in memory: always so in memory, and where a folder is mounted if it leads
    /// to another mounted folder or to devices.
    pub(crate) fn entry(&self, name: &[u8]) -> Result<Option<Arc<Node>>, Errno> {
        match self {
            Place::Memory(node) => {
                let directory = node.dir()?;
                node.allows(0o111)?;
                Ok(lock(directory).get(name).cloned())
            }
            Place::Host(mount, path) if path.as_os_str().is_empty() => {
                let Some(node) = mount.node.upgrade() else { return Ok(None) };
                Ok(lock(node.dir()?).get(name).cloned())
            }
            Place::Host(..) => Ok(None),
        }
    }
}

impl Files {
    /// Follows `path` from the directory `start`. A link at its end is followed only if `follow`.
    pub(crate) fn walk(&self, start: &Place, path: &[u8], follow: bool) -> Result<Found, Errno> {
        if path.is_empty() {
            return Err(Errno::NOENT);
        }
        if path.len() >= MAX_PATH {
            return Err(Errno::NAMETOOLONG);
        }
        let slash = path.ends_with(b"/");
        let mut at = if path.starts_with(b"/") { self.root() } else { start.clone() };
        let mut left = Vec::new();
        push(&mut left, path);
        let mut links = 0;
        while let Some(name) = left.pop() {
            let last = left.is_empty();
            if name == b"." || name == b".." {
                // Only directories have these.
                if !at.stat(true)?.is_dir() {
                    return Err(Errno::NOTDIR);
                }
                if name == b".." {
                    at = at.parent();
                }
                continue;
            }
            if name.len() > MAX_NAME {
                return Err(Errno::NAMETOOLONG);
            }
            let entry = match self.descriptor_link(&at, &name)? {
                Some(link) => Some(link),
                None => at.entry(&name)?,
            };
            match (entry, &at) {
                (Some(node), _) => match &node.kind {
                    NodeKind::Link(target) if !last || follow || slash => {
                        links += 1;
                        if links > MAX_LINKS {
                            return Err(Errno::LOOP);
                        }
                        if target.starts_with(b"/") {
                            at = self.root();
                        }
                        push(&mut left, target);
                    }
                    _ if last => {
                        let target = Some(Place::of(&node));
                        return Ok(Found { dir: at, name, target, slash });
                    }
                    NodeKind::Dir(_) => at = Place::of(&node),
                    _ => return Err(Errno::NOTDIR),
                },
                (None, Place::Host(mount, path)) => {
                    let path = path.join(OsStr::from_bytes(&name));
                    let next = Place::Host(mount.clone(), path);
                    if !last {
                        at = next;
                        continue;
                    }
                    let target = match next.stat(follow || slash) {
                        Ok(_) => Some(next),
                        Err(Errno::NOENT) => None,
                        Err(errno) => return Err(errno),
                    };
                    return Ok(Found { dir: at, name, target, slash });
                }
                (None, Place::Memory(_)) if last => {
                    return Ok(Found { dir: at, name, target: None, slash });
                }
                (None, Place::Memory(_)) => return Err(Errno::NOENT),
            }
        }
        if let Place::Host(..) = at {
            at.stat(true)?;
        }
        Ok(Found { dir: at.parent(), name: Vec::new(), target: Some(at), slash })
    }

    /// A link to what is open as descriptor `name`, in the directory that lists descriptors.
    fn descriptor_link(&self, dir: &Place, name: &[u8]) -> Result<Option<Arc<Node>>, Errno> {
        let Place::Memory(node) = dir else { return Ok(None) };
        if !lock(node.dir()?).lists_descriptors {
            return Ok(None);
        }
        let number = std::str::from_utf8(name).ok().and_then(|name| name.parse().ok());
        let Some(open) = number.and_then(|number| self.get(number).ok()) else { return Ok(None) };
        if open.path.is_empty() {
            return Err(Errno::NOENT);
        }
        Node::new(&self.budget, NodeKind::Link(open.path.clone()), 0o777, 0).map(Some)
    }

    /// The path from the root to a place, if it still has one.
    pub(crate) fn path_of(&self, place: &Place) -> Result<Vec<u8>, Errno> {
        let (mut node, rest) = match place {
            Place::Memory(node) => (node.clone(), PathBuf::new()),
            Place::Host(mount, path) => (mount.node.upgrade().ok_or(Errno::NOENT)?, path.clone()),
        };
        let mut names = Vec::new();
        while !Arc::ptr_eq(&node, &self.root) {
            let (parent, name) = {
                let home = lock(&node.home);
                (home.0.upgrade().ok_or(Errno::NOENT)?, home.1.clone())
            };
            names.push(name);
            node = parent;
        }
        names.reverse();
        names.extend(rest.iter().map(|name| name.as_bytes().to_vec()));
        Ok([b"/".to_vec(), names.join(&b'/')].concat())
    }

    /// Whether a directory is the other or above it.
    pub(crate) fn contains(above: &Arc<Node>, below: &Arc<Node>) -> bool {
        let mut at = below.clone();
        loop {
            if Arc::ptr_eq(&at, above) {
                return true;
            }
            let parent = at.parent();
            if Arc::ptr_eq(&parent, &at) {
                return false;
            }
            at = parent;
        }
    }
}

/// Puts the names of a path on top of the stack, the first one uppermost.
fn push(left: &mut Vec<Vec<u8>>, path: &[u8]) {
    let names = path.split(|byte| *byte == b'/').filter(|name| !name.is_empty());
    left.extend(names.rev().map(<[u8]>::to_vec));
}

#[cfg(test)]
mod tests {
    use crate::ctx::now;
    use crate::errno::Errno;
    use crate::fs::node::Budget;
    use crate::fs::{Files, flags};
    use crate::stream::{Input, Output};

    #[test]
    fn very_long_paths_are_not_kept_for_descriptors() {
        let streams = (Input::Empty, Output::Discard, Output::Discard);
        let mut files = Files::new(Budget::new(1 << 20, 100), streams, now()).unwrap();
        let name = [b'd'; 255];
        let mut at = files.root();
        let mut link = |files: &mut Files, depth: usize| {
            files.mkdir(&at, &name, 0o777, now()).unwrap();
            let fd = files.open(&at, &name, flags::READ, 0, now()).unwrap();
            at = files.start(Some(fd)).unwrap();
            let kept = files.get(fd).unwrap().path.len();
            let link = format!("/proc/self/fd/{fd}").into_bytes();
            let target = files.readlink(&files.root(), &link).map(|target| target.len());
            assert_eq!(target, if kept > 0 { Ok(kept) } else { Err(Errno::NOENT) });
            // Nor does it lead to the directory that it is in.
            assert_eq!(files.stat(&files.root(), &link, true).is_ok(), kept > 0);
            (kept, depth * 256)
        };
        for depth in 1..=15 {
            let (kept, len) = link(&mut files, depth);
            assert_eq!(kept, len);
        }
        assert_eq!(link(&mut files, 16).0, 0);
    }
}
