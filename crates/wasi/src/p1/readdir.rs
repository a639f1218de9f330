//! Listing directories.
//!
//! A cookie is the number of entries before it: C libraries keep cookies in 32 bits, for which the
//! positions of host file systems are too large. Which position a number stands for is remembered
//! for each descriptor, so a guest may go back to any cookie it has seen, and entries that are added
//! or removed on the way disturb nothing else. Other cookies are found by counting.

use cap_std::fs::{Metadata, MetadataExt};
use rustix::fs::{Dir, DirEntry, FileType};

use super::types::{filetype, filetype_of};
use crate::ctx::{State, lock};
use crate::descriptor::OpenDir;
use crate::errno::Errno;
use crate::guest::Guest;
use crate::perms::DirPerms;
use crate::rights;

/// Size of `$dirent`, which the name follows.
const DIRENT_BYTES: usize = 24;

/// Most positions that are remembered for a descriptor; later ones are found by counting.
const MAX_POSITIONS: usize = 1 << 20;

/// How far a directory has been read.
#[derive(Default)]
pub(crate) struct Listing {
    /// None at its end, where it would only keep a descriptor of the host.
    entries: Option<Dir>,
    /// The entry that the guest did not get in full, as its buffer ended, and the cookie after it. It
    /// comes next.
    cut_off: Option<(DirEntry, u64)>,
    /// The cookie of the entry that comes next; none at first.
    next: Option<u64>,
    /// The host's position of the entry with cookie `i + 1`.
    positions: Vec<i64>,
}

impl Listing {
    /// Makes the entry with this cookie the next one.
    fn seek(&mut self, dir: &OpenDir, cookie: u64) -> Result<(), Errno> {
        i64::try_from(cookie).map_err(|_| Errno::INVAL)?;
        let entries = match &mut self.entries {
            Some(_) if self.next == Some(cookie) && cookie != 0 => return Ok(()),
            Some(entries) => entries,
            // Opened anew: this descriptor has its own position, and it can be read from.
            None => self.entries.insert(Dir::new(dir.reopen()?)?),
        };
        self.cut_off = None;
        let known = cookie.min(self.positions.len() as u64);
        // The start is sought too: then what has changed meanwhile is seen.
        entries.seek(known.checked_sub(1).map_or(0, |last| self.positions[last as usize]))?;
        self.next = Some(known);
        while self.next.is_some_and(|next| next < cookie) && self.next()?.is_some() {}
        Ok(())
    }

    /// The next entry with the cookie of the one after it; none at the end.
    fn next(&mut self) -> Result<Option<(DirEntry, u64)>, Errno> {
        if let Some((entry, after)) = self.cut_off.take() {
            self.next = Some(after);
            return Ok(Some((entry, after)));
        }
        let (Some(entries), Some(next)) = (&mut self.entries, self.next) else { return Ok(None) };
        let Some(entry) = entries.read() else {
            self.entries = None;
            return Ok(None);
        };
        let entry = entry?;
        self.next = Some(next + 1);
        let count = self.positions.len() as u64;
        if next < count {
            self.positions[next as usize] = entry.offset();
        } else if next == count && self.positions.len() < MAX_POSITIONS {
            self.positions.push(entry.offset());
        }
        Ok(Some((entry, next + 1)))
    }
}

/// Fills the buffer with entries. The last one is cut off where the buffer ends; a buffer that is
/// not full tells the guest that there are no more.
pub(super) fn fd_readdir(
    ctx: &State,
    mut guest: Guest<'_>,
    fd: u32,
    buf: u32,
    len: u32,
    cookie: u64,
    used: u32,
) -> Result<(), Errno> {
    let used = guest.span(used, 4)?;
    let buffer = guest.span(buf, len)?;
    let entry = ctx.fds.get(fd)?;
    let dir = entry.dir(rights::FD_READDIR)?;
    if !dir.perms.dir.contains(DirPerms::READ) {
        return Err(Errno::PERM);
    }
    // Threads that list the same descriptor take turns.
    let mut kept = lock(&dir.listing);
    // After an error it starts anew.
    let mut listing = std::mem::take(&mut *kept);
    listing.seek(dir, cookie)?;

    let mut rest = buffer;
    while rest.len() > 0 {
        let Some((entry, after)) = listing.next()? else { break };
        // Guests know paths in UTF-8 only; there is no name to give for others.
        let Ok(name) = entry.file_name().to_str() else { continue };
        let header = dirent(dir, &entry, name, after)?;
        let mut whole = true;
        for part in [&header, name.as_bytes()] {
            let count = guest.put(rest, part);
            rest = rest.skip(count);
            whole = count == part.len();
        }
        if !whole {
            listing.next = Some(after - 1);
            listing.cut_off = Some((entry, after));
        }
    }
    *kept = listing;
    guest.put_u32(used, (buffer.len() - rest.len()) as u32);
    Ok(())
}

fn dirent(
    dir: &OpenDir,
    entry: &DirEntry,
    name: &str,
    after: u64,
) -> Result<[u8; DIRENT_BYTES], Errno> {
    let (inode, filetype) = identity(dir, entry, name)?;
    let mut bytes = [0; DIRENT_BYTES];
    bytes[0..8].copy_from_slice(&after.to_le_bytes());
    bytes[8..16].copy_from_slice(&inode.to_le_bytes());
    // Names are at most 255 bytes long on Linux, and never near 2^32.
    bytes[16..20].copy_from_slice(&(name.len() as u32).to_le_bytes());
    bytes[20] = filetype;
    Ok(bytes)
}

/// The inode number and `$filetype` of an entry.
fn identity(dir: &OpenDir, entry: &DirEntry, name: &str) -> Result<(u64, u8), Errno> {
    let filetype = match entry.file_type() {
        // The parent may be outside of what the guest may see: it gets the number of the
        // directory itself, as at the root of a file system.
        FileType::Directory if name == ".." => {
            return Ok((dir.dir.dir_metadata()?.ino(), filetype::DIRECTORY));
        }
        FileType::RegularFile => filetype::REGULAR_FILE,
        FileType::Directory => filetype::DIRECTORY,
        FileType::Symlink => filetype::SYMBOLIC_LINK,
        FileType::CharacterDevice => filetype::CHARACTER_DEVICE,
        FileType::BlockDevice => filetype::BLOCK_DEVICE,
        FileType::Socket => filetype::SOCKET_STREAM,
        FileType::Fifo => filetype::UNKNOWN,
        // Some file systems do not say. An entry that has gone meanwhile is of unknown type.
        FileType::Unknown => dir
            .dir
            .symlink_metadata(name)
            .map_or(filetype::UNKNOWN, |metadata: Metadata| filetype_of(metadata.file_type())),
    };
    Ok((entry.ino(), filetype))
}
