//! Listing directories.
//!
//! A cookie is the position that the host's file system gives for the entry after the one it came
//! with. So a guest may go back to any cookie it has seen, entries that are added or removed on
//! the way disturb nothing else, and the host stores nothing per entry. A cookie the guest made up
//! yields an error or some entries of the same directory.

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

/// A host directory being read.
pub(crate) struct Listing {
    entries: Dir,
    /// The cookie of the entry that `entries` gives next; none after an entry the guest did not
    /// get in full.
    next: Option<u64>,
}

impl Listing {
    fn open(dir: &OpenDir) -> Result<Listing, Errno> {
        // Opened anew: this descriptor has its own position, and it can be read from.
        Ok(Listing { entries: Dir::new(dir.reopen()?)?, next: Some(0) })
    }

    fn seek(&mut self, cookie: u64) -> Result<(), Errno> {
        if self.next != Some(cookie) || cookie == 0 {
            let position = i64::try_from(cookie).map_err(|_| Errno::INVAL)?;
            self.next = None;
            self.entries.seek(position)?;
        }
        // Until an entry has been delivered in full, the position is not known.
        self.next = None;
        Ok(())
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
    listing.seek(cookie)?;

    let mut rest = buffer;
    let mut next = Some(cookie);
    let mut ended = false;
    while rest.len() > 0 {
        let Some(entry) = listing.entries.read() else {
            ended = true;
            break;
        };
        let entry = entry?;
        // Guests know paths in UTF-8 only; there is no name to give for others.
        let Ok(name) = entry.file_name().to_str() else { continue };
        let header = dirent(dir, &entry, name)?;
        for part in [&header, name.as_bytes()] {
            let count = guest.put(rest, part);
            rest = rest.skip(count);
            next = (count == part.len()).then(|| entry.offset().cast_unsigned());
        }
    }
    listing.next = next;
    // At its end a listing is of no more use, but it would keep a descriptor of the host.
    dir.listing = (!ended).then_some(listing);
    guest.put_u32(used, (buffer.len() - rest.len()) as u32);
    Ok(())
}

fn dirent(dir: &OpenDir, entry: &DirEntry, name: &str) -> Result<[u8; DIRENT_BYTES], Errno> {
    let (inode, filetype) = identity(dir, entry, name)?;
    let mut bytes = [0; DIRENT_BYTES];
    bytes[0..8].copy_from_slice(&entry.offset().to_le_bytes());
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
