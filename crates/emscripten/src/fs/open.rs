//! What descriptors stand for: open files, and what can be done with them.
//!
//! None of it needs the lock of `Files`, so that a call that waits keeps nobody else waiting.

use std::fs::File;
use std::io::{Seek, SeekFrom};
use std::os::unix::fs::FileExt;
use std::sync::{Arc, Mutex};

use super::flags;
use super::listing::Listing;
use super::mount::Mount;
use super::node::Node;
use super::pipe::PipeEnd;
use super::stat::{Stat, Times, kind};
use super::walk::Place;
use crate::errno::Errno;
use crate::stream::{Input, Output, lock};

/// An open file; descriptors made by `dup` are the same one.
pub(crate) struct Open {
    pub(crate) kind: OpenKind,
    /// Where it was when it was opened.
    pub(crate) path: Vec<u8>,
    pub(crate) state: Mutex<OpenState>,
    /// What it is in the tree, if that is a device.
    device: Option<Arc<Node>>,
}

pub(crate) enum OpenKind {
    File(Arc<Node>),
    HostFile(File, Arc<Mount>),
    Dir(Place),
    Input(Arc<Input>),
    Output(Arc<Output>),
    /// Reads the one and writes the other.
    Terminal(Arc<Input>, Arc<Output>),
    Null,
    Random,
    Pipe(PipeEnd),
}

#[derive(Default)]
pub(crate) struct OpenState {
    pub(crate) flags: u32,
    /// In bytes; of a directory in entries of 280 bytes, as its C library counts.
    pub(crate) position: u64,
    /// Of a directory: what it had when it was first read, or read from its beginning.
    pub(crate) listing: Option<Listing>,
}

/// Where to read or write.
#[derive(Debug, Clone, Copy)]
pub(crate) enum At {
    /// Where the last call has stopped.
    Position,
    Offset(u64),
}

impl Open {
    pub(crate) fn new(kind: OpenKind, path: Vec<u8>, flags: u32) -> Arc<Open> {
        Open::of_device(kind, path, flags, None)
    }

    pub(crate) fn of_device(
        kind: OpenKind,
        path: Vec<u8>,
        flags: u32,
        device: Option<Arc<Node>>,
    ) -> Arc<Open> {
        let keep = flags::ACCESS | flags::CHANGEABLE | flags::PATH | flags::DIRECTORY;
        let state = OpenState { flags: flags & keep, ..OpenState::default() };
        Arc::new(Open { kind, path, state: Mutex::new(state), device })
    }

    pub(crate) fn flags(&self) -> u32 {
        lock(&self.state).flags
    }

    fn reads(&self) -> Result<(), Errno> {
        let flags = self.flags();
        let may = flags & flags::ACCESS != flags::WRITE && flags & flags::PATH == 0;
        if may { Ok(()) } else { Err(Errno::BADF) }
    }

    fn writes(&self) -> Result<(), Errno> {
        let flags = self.flags();
        let may = flags & flags::ACCESS != flags::READ && flags & flags::PATH == 0;
        if may { Ok(()) } else { Err(Errno::BADF) }
    }

    /// Whether it is a terminal, as far as the guest knows: Emscripten's standard streams are.
    pub(crate) fn is_terminal(&self) -> bool {
        matches!(self.kind, OpenKind::Input(_) | OpenKind::Output(_) | OpenKind::Terminal(..))
    }

    pub(crate) fn read(&self, buffer: &mut [u8], at: At) -> Result<usize, Errno> {
        self.reads()?;
        match (&self.kind, at) {
            (OpenKind::File(node), At::Offset(offset)) => node.read_at(offset, buffer),
            (OpenKind::File(node), At::Position) => {
                let mut state = lock(&self.state);
                let count = node.read_at(state.position, buffer)?;
                state.position += count as u64;
                Ok(count)
            }
            (OpenKind::HostFile(file, _), At::Offset(offset)) => Ok(file.read_at(buffer, offset)?),
            (OpenKind::HostFile(file, _), At::Position) => {
                Ok(rustix::io::read(file, &mut *buffer)?)
            }
            (OpenKind::Dir(_), _) => Err(Errno::ISDIR),
            (OpenKind::Null, _) => Ok(0),
            (OpenKind::Random, _) => {
                getrandom::fill(buffer).map_err(|_| Errno::IO)?;
                Ok(buffer.len())
            }
            (_, At::Offset(_)) => Err(Errno::SPIPE),
            (OpenKind::Input(input) | OpenKind::Terminal(input, _), _) => input.read(buffer),
            (OpenKind::Pipe(pipe), _) => pipe.read(buffer),
            (OpenKind::Output(_), _) => Err(Errno::BADF),
        }
    }

    pub(crate) fn write(&self, bytes: &[u8], at: At, now: i64) -> Result<usize, Errno> {
        self.writes()?;
        match (&self.kind, at) {
            (OpenKind::File(node), At::Offset(offset)) => node.write_at(offset, bytes, now),
            (OpenKind::File(node), At::Position) => {
                let mut state = lock(&self.state);
                if state.flags & flags::APPEND != 0 {
                    state.position = node.append(bytes, now)?;
                } else {
                    node.write_at(state.position, bytes, now)?;
                    state.position += bytes.len() as u64;
                }
                Ok(bytes.len())
            }
            (OpenKind::HostFile(file, _), At::Offset(offset)) => Ok(file.write_at(bytes, offset)?),
            (OpenKind::HostFile(file, _), At::Position) => Ok(rustix::io::write(file, bytes)?),
            (OpenKind::Dir(_), _) => Err(Errno::ISDIR),
            (OpenKind::Null | OpenKind::Random, _) => Ok(bytes.len()),
            (_, At::Offset(_)) => Err(Errno::SPIPE),
            (OpenKind::Output(output) | OpenKind::Terminal(_, output), _) => output.write(bytes),
            (OpenKind::Pipe(pipe), _) => pipe.write(bytes),
            (OpenKind::Input(_), _) => Err(Errno::BADF),
        }
    }

    /// Writes all of it.
    pub(crate) fn write_all(&self, bytes: &[u8], offset: u64, now: i64) -> Result<(), Errno> {
        let mut done = 0;
        while done < bytes.len() {
            let at = offset.checked_add(done as u64).ok_or(Errno::OVERFLOW)?;
            match self.write(&bytes[done..], At::Offset(at), now)? {
                0 => return Err(Errno::IO),
                count => done += count,
            }
        }
        Ok(())
    }

    /// Moves the position, and gives it.
    pub(crate) fn seek(&self, offset: i64, whence: u32) -> Result<u64, Errno> {
        let end = match &self.kind {
            OpenKind::HostFile(file, _) => {
                let from = match whence {
                    0 => SeekFrom::Start(u64::try_from(offset).map_err(|_| Errno::INVAL)?),
                    1 => SeekFrom::Current(offset),
                    2 => SeekFrom::End(offset),
                    _ => return Err(Errno::INVAL),
                };
                let mut file = file;
                return Ok(file.seek(from)?);
            }
            OpenKind::File(node) => node.stat().size,
            OpenKind::Dir(_) | OpenKind::Null | OpenKind::Random => 0,
            _ => return Err(Errno::SPIPE),
        };
        let mut state = lock(&self.state);
        let base = match whence {
            0 => 0,
            1 => state.position,
            2 => end,
            _ => return Err(Errno::INVAL),
        };
        let position = base.checked_add_signed(offset).filter(|at| i64::try_from(*at).is_ok());
        state.position = position.ok_or(Errno::INVAL)?;
        if state.position == 0 {
            state.listing = None;
        }
        Ok(state.position)
    }

    pub(crate) fn stat(&self, now: i64) -> Result<Stat, Errno> {
        if let Some(device) = &self.device {
            return Ok(device.stat());
        }
        let (mode, ino) = match &self.kind {
            OpenKind::File(node) => return Ok(node.stat()),
            OpenKind::Dir(place) => return place.stat(true),
            OpenKind::HostFile(file, mount) => return mount.stat_file(file),
            OpenKind::Pipe(_) => (kind::FIFO | 0o600, 3),
            OpenKind::Null | OpenKind::Random => (kind::CHAR | 0o666, 2),
            _ => (kind::CHAR | 0o666, 1),
        };
        let times = Times::all(now);
        Ok(Stat { dev: 1, ino, mode, nlink: 1, rdev: 0x500, size: 0, times })
    }

    pub(crate) fn truncate(&self, len: i64, now: i64) -> Result<(), Errno> {
        let len = u64::try_from(len).map_err(|_| Errno::INVAL)?;
        if self.writes().is_err() {
            return Err(Errno::INVAL);
        }
        match &self.kind {
            OpenKind::File(node) => node.truncate(len, now),
            OpenKind::HostFile(file, _) => Ok(file.set_len(len)?),
            _ => Err(Errno::INVAL),
        }
    }

    pub(crate) fn sync(&self) -> Result<(), Errno> {
        match &self.kind {
            OpenKind::HostFile(file, _) => Ok(file.sync_all()?),
            OpenKind::Output(output) | OpenKind::Terminal(_, output) => Ok(output.flush()?),
            _ => Ok(()),
        }
    }
}
