//! Listing directories, and the working directory.

use crate::ctx::Call;
use crate::errno::Errno;
use crate::fs::open::OpenKind;
use crate::fs::stat::kind;
use crate::stream::lock;

/// Bytes of a `struct dirent`: number, offset, length, type, and a name of up to 256 bytes.
const DIRENT: usize = 280;
const NAME: usize = 19;

/// Stores as many entries as have room, beginning with the one at the descriptor's position.
pub(super) fn getdents(call: &mut Call<'_>) -> Result<i32, Errno> {
    let (fd, buffer, len) = (call.args.u32(), call.args.u32(), call.args.u32());
    let files = lock(&call.ctx.shared.files);
    let open = files.get(fd)?;
    let listing = match lock(&open.state).listing.take() {
        Some(listing) => listing,
        None => files.list(&open)?,
    };
    drop(files);
    let mut state = lock(&open.state);
    let first = usize::try_from(state.position / DIRENT as u64).unwrap_or(usize::MAX);
    let room = len as usize / DIRENT;
    if room == 0 {
        state.listing = Some(listing);
        return Err(Errno::INVAL);
    }
    let mut stored = 0;
    let mut result = Ok(());
    for (i, entry) in listing.entries().iter().enumerate().skip(first).take(room) {
        let mut record = [0; DIRENT];
        let next = (i as u64 + 1) * DIRENT as u64;
        record[..8].copy_from_slice(&entry.ino.to_le_bytes());
        record[8..16].copy_from_slice(&next.to_le_bytes());
        record[16..18].copy_from_slice(&(DIRENT as u16).to_le_bytes());
        record[18] = match entry.mode & kind::MASK {
            kind::CHAR => 2,
            kind::DIR => 4,
            kind::LINK => 10,
            _ => 8,
        };
        let name = &entry.name[..entry.name.len().min(255)];
        record[NAME..NAME + name.len()].copy_from_slice(name);
        // The room was given as a number, and may not be there.
        let at = buffer.checked_add((stored * DIRENT) as u32).ok_or(Errno::FAULT);
        result = at.and_then(|at| Ok(call.guest.write(at, &record)?));
        if result.is_err() {
            break;
        }
        stored += 1;
    }
    state.position = ((first.saturating_add(stored)) as u64).saturating_mul(DIRENT as u64);
    state.listing = Some(listing);
    match result {
        Err(errno) if stored == 0 => Err(errno),
        _ => Ok((stored * DIRENT) as i32),
    }
}

/// Stores the path with its NUL, and gives its length with that.
pub(super) fn getcwd(call: &mut Call<'_>) -> Result<i32, Errno> {
    let (buffer, len) = (call.args.u32(), call.args.u32());
    if len == 0 {
        return Err(Errno::INVAL);
    }
    let files = lock(&call.ctx.shared.files);
    let mut path = files.path_of(&files.cwd)?;
    path.push(0);
    if path.len() > len as usize {
        return Err(Errno::RANGE);
    }
    call.guest.write(buffer, &path)?;
    Ok(path.len() as i32)
}

pub(super) fn chdir(call: &mut Call<'_>) -> Result<i32, Errno> {
    let path = super::file::path(call)?;
    let mut files = lock(&call.ctx.shared.files);
    let place = files.walk(&files.cwd, &path, true)?.existing()?;
    files.chdir(place)?;
    Ok(0)
}

pub(super) fn fchdir(call: &mut Call<'_>) -> Result<i32, Errno> {
    let mut files = lock(&call.ctx.shared.files);
    let open = files.get(call.args.u32())?;
    match &open.kind {
        OpenKind::Dir(place) => files.chdir(place.clone())?,
        _ => return Err(Errno::NOTDIR),
    }
    Ok(0)
}
