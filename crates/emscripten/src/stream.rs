//! Standard streams: where a guest's input comes from and its output goes.

use std::io::{self, ErrorKind, Read, Write};
use std::sync::{Mutex, MutexGuard, PoisonError};

use rustix::event::{PollFd, PollFlags, Timespec, poll};

use crate::errno::Errno;

/// Locks what is consistent after every statement, so that a poisoned lock is as good as another,
/// or what belongs to the embedder, whose panic it was.
pub(crate) fn lock<T: ?Sized>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What a guest reads as its stdin.
#[derive(Default)]
pub(crate) enum Input {
    #[default]
    Empty,
    /// The stdin of this process, without what the host has buffered of it.
    Host,
    Reader(Mutex<Box<dyn Read + Send>>),
}

impl Input {
    pub(crate) fn read(&self, buffer: &mut [u8]) -> Result<usize, Errno> {
        if buffer.is_empty() {
            return Ok(0);
        }
        match self {
            Input::Empty => Ok(0),
            Input::Host => loop {
                match rustix::io::read(rustix::stdio::stdin(), &mut *buffer) {
                    Err(rustix::io::Errno::INTR) => {}
                    result => return Ok(result?),
                }
            },
            Input::Reader(reader) => loop {
                match lock(reader).read(buffer) {
                    Err(error) if error.kind() == ErrorKind::Interrupted => {}
                    // A reader may be wrong about how much it has read.
                    result => return Ok(result?.min(buffer.len())),
                }
            },
        }
    }

    /// Whether reading would not wait; looks for at most `timeout` milliseconds, or as long as it
    /// takes if that is negative.
    pub(crate) fn ready(&self, timeout: i32) -> bool {
        let Input::Host = self else { return true };
        let mut fds = [PollFd::from_borrowed_fd(rustix::stdio::stdin(), PollFlags::IN)];
        let limit = (timeout >= 0).then(|| Timespec {
            tv_sec: i64::from(timeout / 1000),
            tv_nsec: i64::from(timeout % 1000) * 1_000_000,
        });
        // What cannot be polled is as ready as it will ever be.
        poll(&mut fds, limit.as_ref()).map_or(true, |count| count > 0)
    }
}

/// Where a guest's stdout or stderr goes.
#[derive(Default)]
pub(crate) enum Output {
    #[default]
    Discard,
    Stdout,
    Stderr,
    Writer(Mutex<Box<dyn Write + Send>>),
}

impl Output {
    /// Writes at least a part, if there is something to write.
    pub(crate) fn write(&self, bytes: &[u8]) -> Result<usize, Errno> {
        match self {
            Output::Discard => Ok(bytes.len()),
            Output::Stdout => retry(|| rustix::io::write(rustix::stdio::stdout(), bytes)),
            Output::Stderr => retry(|| rustix::io::write(rustix::stdio::stderr(), bytes)),
            Output::Writer(writer) => {
                let mut writer = lock(writer);
                writer.write_all(bytes)?;
                Ok(bytes.len())
            }
        }
    }

    pub(crate) fn flush(&self) -> io::Result<()> {
        match self {
            Output::Writer(writer) => lock(writer).flush(),
            _ => Ok(()),
        }
    }
}

fn retry(mut write: impl FnMut() -> rustix::io::Result<usize>) -> Result<usize, Errno> {
    loop {
        match write() {
            Err(rustix::io::Errno::INTR) => {}
            result => return Ok(result?),
        }
    }
}
