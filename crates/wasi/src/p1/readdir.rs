//! Listing directories.
//!
//! A cookie stands for the position that the host's file system gives for the entry after the one
//! it came with. So a guest may go back to any cookie it has seen, and entries that are added or
//! removed on the way disturb nothing else. Positions have 64 bits, of which C's `telldir` would
//! lose half; the first ones are therefore kept in a table, and their cookies are numbers in it. The
//! others are their own cookies, so that the host stores nothing more for a larger directory. A
//! cookie the guest made up yields an error or some entries of the same directory.

use cap_std::fs::{Metadata, MetadataExt};
use rustix::fs::{Dir, DirEntry, FileType};

use super::types::{filetype, filetype_of};
use crate::ctx::WasiCtx;
use crate::descriptor::OpenDir;
use crate::errno::Errno;
use crate::guest::Guest;
use crate::perms::DirPerms;
use crate::rights;

/// Size of `$dirent`, which the name follows.
const DIRENT_BYTES: usize = 24;

/// Most positions that are kept of a directory, which takes as much as the buffer for its entries.
const MAX_PLACES: usize = 4096;

/// What tells a cookie that is a position from one that is a number. Positions are not negative.
const POSITION: u64 = 1 << 63;

/// A host directory being read.
pub(crate) struct Listing {
    entries: Dir,
    /// The entry that the guest did not get in full, as its buffer ended. It comes next.
    cut_off: Option<DirEntry>,
    /// The cookie of the entry that comes next; none after an error.
    next: Option<u64>,
}

impl Listing {
    fn open(dir: &OpenDir) -> Result<Listing, Errno> {
        // Opened anew: this descriptor has its own position, and it can be read from.
        Ok(Listing { entries: Dir::new(dir.reopen()?)?, cut_off: None, next: Some(0) })
    }

    fn seek(&mut self, cookie: u64, places: &Places) -> Result<(), Errno> {
        if self.next != Some(cookie) || cookie == 0 {
            let position = places.position(cookie)?;
            (self.cut_off, self.next) = (None, None);
            self.entries.seek(position)?;
        }
        // Known again when nothing has gone wrong.
        self.next = None;
        Ok(())
    }

    fn read(&mut self) -> Option<Result<DirEntry, Errno>> {
        match self.cut_off.take() {
            Some(entry) => Some(Ok(entry)),
            None => self.entries.read().map(|entry| Ok(entry?)),
        }
    }
}

/// The positions after the first entries of a directory, in the order in which they were given.
#[derive(Default)]
pub(crate) struct Places {
    positions: Vec<i64>,
    /// How many are before the entry that is read next.
    number: usize,
}

impl Places {
    fn position(&self, cookie: u64) -> Result<i64, Errno> {
        if cookie == 0 || cookie & POSITION != 0 {
            return Ok((cookie & !POSITION).cast_signed());
        }
        let number = usize::try_from(cookie).map_err(|_| Errno::INVAL)?;
        self.positions.get(number - 1).copied().ok_or(Errno::INVAL)
    }

    /// Goes to what `cookie` stands for. From the start, all is numbered anew.
    fn seek(&mut self, cookie: u64) {
        if cookie == 0 {
            self.positions.clear();
        }
        self.number = match cookie & POSITION {
            0 => cookie as usize,
            // After all that have numbers, most likely.
            _ if self.positions.len() == MAX_PLACES => MAX_PLACES,
            // Of something new among them; its number is seen when one that has one follows.
            _ => 0,
        };
    }

    /// The cookie of the entry that is followed by `position`.
    fn cookie(&mut self, position: i64) -> u64 {
        let rest = &self.positions[self.number.min(self.positions.len())..];
        if let Some(skipped) = rest.iter().position(|&known| known == position) {
            // Those skipped are no longer there.
            self.number += skipped + 1;
        } else if rest.is_empty() && self.positions.len() < MAX_PLACES {
            self.positions.push(position);
            self.number = self.positions.len();
        } else {
            return position.cast_unsigned() | POSITION;
        }
        self.number as u64
    }
}

/// Fills the buffer with entries. The last one is cut off where the buffer ends; a buffer that is
/// not full tells the guest that there are no more.
pub(super) fn fd_readdir(
    ctx: &mut WasiCtx,
    mut guest: Guest<'_>,
    fd: u32,
    buf: u32,
    len: u32,
    cookie: u64,
    used: u32,
) -> Result<(), Errno> {
    let used = guest.span(used, 4)?;
    let buffer = guest.span(buf, len)?;
    let dir = ctx.fds.dir_mut(fd, rights::FD_READDIR)?;
    if !dir.perms.dir.contains(DirPerms::READ) {
        return Err(Errno::PERM);
    }
    let mut listing = match dir.listing.take() {
        Some(listing) => listing,
        None => Listing::open(dir)?,
    };
    listing.seek(cookie, &dir.places)?;
    dir.places.seek(cookie);

    let mut rest = buffer;
    let mut next = cookie;
    let mut ended = false;
    while rest.len() > 0 {
        let Some(entry) = listing.read() else {
            ended = true;
            break;
        };
        let entry = entry?;
        // Guests know paths in UTF-8 only; there is no name to give for others.
        let Ok(name) = entry.file_name().to_str() else { continue };
        let cookie = dir.places.cookie(entry.offset());
        let header = dirent(dir, &entry, name, cookie)?;
        let mut whole = true;
        for part in [&header, name.as_bytes()] {
            let count = guest.put(rest, part);
            rest = rest.skip(count);
            whole = count == part.len();
        }
        if whole {
            next = cookie;
        } else {
            listing.cut_off = Some(entry);
        }
    }
    listing.next = Some(next);
    // At its end a listing is of no more use, but it would keep a descriptor of the host.
    dir.listing = (!ended).then_some(listing);
    guest.put_u32(used, (buffer.len() - rest.len()) as u32);
    Ok(())
}

fn dirent(
    dir: &OpenDir,
    entry: &DirEntry,
    name: &str,
    cookie: u64,
) -> Result<[u8; DIRENT_BYTES], Errno> {
    let (inode, filetype) = identity(dir, entry, name)?;
    let mut bytes = [0; DIRENT_BYTES];
    bytes[0..8].copy_from_slice(&cookie.to_le_bytes());
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
