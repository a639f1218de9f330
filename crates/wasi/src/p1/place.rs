//! Where a path leads: a directory, found within the sandbox, and a name in it.
//!
//! `cap_std` walks all of a path but its last name, so that links and `..` cannot lead out, and
//! holds the directory open, so that nobody can move the place of the name away meanwhile. What is
//! done with the name then are system calls that do not follow a link there. This is the only file
//! that takes paths apart. Invariant: a name has no slash except at its end, and is not `..`.
//!
//! Trailing slashes are left on the name, because what they mean depends on the call, and Linux
//! knows. The calls for which they mean to follow a link are not made with them:
//! [`means_directory`] says when.

use std::os::fd::{AsFd, BorrowedFd};

use cap_std::fs::{Dir, Metadata};

use crate::errno::Errno;

/// A name in a directory.
pub(super) struct Place<'a> {
    dir: Directory<'a>,
    pub(super) name: &'a str,
}

enum Directory<'a> {
    Start(&'a Dir),
    Below(Dir),
}

impl<'a> Place<'a> {
    /// The place of `path`, which starts at `dir`.
    pub(super) fn find(dir: &'a Dir, path: &'a str) -> Result<Place<'a>, Errno> {
        let trimmed = path.trim_end_matches('/');
        let start = trimmed.rfind('/').map_or(0, |slash| slash + 1);
        match &trimmed[start..] {
            "" if path.is_empty() => Err(Errno::NOENT),
            "" => Err(Errno::NOTCAPABLE),
            // These name directories that have another name where they are.
            "." | ".." => Ok(Place { dir: Directory::Below(dir.open_dir(path)?), name: "." }),
            _ if start == 0 => Ok(Place { dir: Directory::Start(dir), name: path }),
            _ => {
                let (parent, name) = path.split_at(start);
                Ok(Place { dir: Directory::Below(dir.open_dir(parent)?), name })
            }
        }
    }

    pub(super) fn dir(&self) -> BorrowedFd<'_> {
        match &self.dir {
            Directory::Start(dir) => dir.as_fd(),
            Directory::Below(dir) => dir.as_fd(),
        }
    }
}

/// Whether a path can only lead to a directory, so that a link at its end is always followed.
pub(super) fn means_directory(path: &str) -> bool {
    path.ends_with('/') || path.ends_with("/.")
}

/// The metadata of what `path` leads to, of the link itself unless it is followed.
pub(super) fn metadata_at(dir: &Dir, path: &str, follow: bool) -> Result<Metadata, Errno> {
    if follow || means_directory(path) {
        Ok(dir.metadata(path)?)
    } else {
        Ok(dir.symlink_metadata(path)?)
    }
}
