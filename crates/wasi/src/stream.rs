//! Standard streams: the host's own, pipes in memory, readers and writers of the embedder, or
//! nothing.
//!
//! Host streams are used through their descriptors, without a buffer, so that what a guest wrote
//! is out when its call returns. Failure to write is an error code for the guest, never a panic.

use std::any::Any;
use std::io::{self, IoSlice, IoSliceMut, IsTerminal, Read, Write};
use std::sync::{Arc, Mutex};

use rustix::io::retry_on_intr;

use crate::ctx::lock;
use crate::errno::Errno;
use crate::p1::io::{read_some, write_some};

/// What a guest reads as a standard stream.
#[derive(Default)]
pub(crate) enum Input {
    /// Always at its end.
    #[default]
    Empty,
    /// The host's stdin.
    Host,
    Pipe(MemoryInputPipe),
    Reader(Mutex<Box<dyn Read + Send>>),
}

impl Input {
    /// A pipe is recognised, as more is known about it than that it can be read.
    pub(crate) fn from_reader<R: Read + Send + 'static>(reader: R) -> Input {
        match (&reader as &dyn Any).downcast_ref::<MemoryInputPipe>() {
            Some(pipe) => Input::Pipe(pipe.clone()),
            None => Input::Reader(Mutex::new(Box::new(reader))),
        }
    }

    pub(crate) fn read(&self, buffers: &mut [IoSliceMut<'_>]) -> Result<usize, Errno> {
        match self {
            Input::Empty => Ok(0),
            Input::Host => Ok(retry_on_intr(|| read_some(io::stdin(), buffers))?),
            Input::Pipe(pipe) => Ok(pipe.fill(buffers)),
            Input::Reader(reader) => {
                let room = buffers.iter().map(|buffer| buffer.len()).sum();
                let mut reader = lock(reader);
                // A reader that claims to have read more than that is wrong.
                Ok(retry_interrupted(|| reader.read_vectored(buffers))?.min(room))
            }
        }
    }

    pub(crate) fn is_terminal(&self) -> bool {
        matches!(self, Input::Host) && io::stdin().is_terminal()
    }
}

/// Where a guest's writes to a standard stream go.
#[derive(Default)]
pub(crate) enum Output {
    /// Accepted and forgotten.
    #[default]
    Discard,
    /// The host's stdout.
    Stdout,
    /// The host's stderr.
    Stderr,
    Pipe(MemoryOutputPipe),
    Writer(Mutex<Box<dyn Write + Send>>),
}

impl Output {
    /// As [`Input::from_reader`].
    pub(crate) fn from_writer<W: Write + Send + 'static>(writer: W) -> Output {
        match (&writer as &dyn Any).downcast_ref::<MemoryOutputPipe>() {
            Some(pipe) => Output::Pipe(pipe.clone()),
            None => Output::Writer(Mutex::new(Box::new(writer))),
        }
    }

    pub(crate) fn write(&self, buffers: &[IoSlice<'_>]) -> Result<usize, Errno> {
        match self {
            Output::Discard => Ok(len_of(buffers)),
            Output::Stdout => {
                let mut stdout = io::stdout().lock();
                // What the host has printed so far comes first.
                stdout.flush()?;
                Ok(retry_on_intr(|| write_some(&stdout, buffers))?)
            }
            Output::Stderr => Ok(retry_on_intr(|| write_some(io::stderr(), buffers))?),
            Output::Pipe(pipe) => pipe.append(buffers),
            Output::Writer(writer) => {
                let mut writer = lock(writer);
                Ok(retry_interrupted(|| writer.write_vectored(buffers))?.min(len_of(buffers)))
            }
        }
    }

    /// Passes on what a writer of the embedder holds back; nothing else holds anything.
    pub(crate) fn flush(&self) -> Result<(), Errno> {
        match self {
            Output::Writer(writer) => {
                let mut writer = lock(writer);
                Ok(retry_interrupted(|| writer.flush())?)
            }
            _ => Ok(()),
        }
    }

    pub(crate) fn is_terminal(&self) -> bool {
        match self {
            Output::Stdout => io::stdout().is_terminal(),
            Output::Stderr => io::stderr().is_terminal(),
            Output::Discard | Output::Pipe(_) | Output::Writer(_) => false,
        }
    }
}

fn len_of(buffers: &[IoSlice<'_>]) -> usize {
    buffers.iter().map(|buffer| buffer.len()).sum()
}

fn retry_interrupted<T>(mut call: impl FnMut() -> io::Result<T>) -> io::Result<T> {
    loop {
        match call() {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            result => return result,
        }
    }
}

/// Bytes in memory that a guest reads as its stdin. Clones share one position.
#[derive(Debug, Clone)]
pub struct MemoryInputPipe(Arc<Mutex<Unread>>);

#[derive(Debug)]
struct Unread {
    bytes: Vec<u8>,
    /// At most `bytes.len()`.
    position: usize,
}

impl MemoryInputPipe {
    /// A pipe from which `bytes` are read, and then its end.
    pub fn new(bytes: impl Into<Vec<u8>>) -> MemoryInputPipe {
        MemoryInputPipe(Arc::new(Mutex::new(Unread { bytes: bytes.into(), position: 0 })))
    }

    /// The bytes that no one has read yet.
    pub fn contents(&self) -> Vec<u8> {
        let unread = lock(&self.0);
        unread.bytes[unread.position..].to_vec()
    }

    pub(crate) fn len(&self) -> usize {
        let unread = lock(&self.0);
        unread.bytes.len() - unread.position
    }

    fn fill(&self, buffers: &mut [IoSliceMut<'_>]) -> usize {
        let mut unread = lock(&self.0);
        let start = unread.position;
        for buffer in buffers {
            let rest = &unread.bytes[unread.position..];
            let count = rest.len().min(buffer.len());
            buffer[..count].copy_from_slice(&rest[..count]);
            unread.position += count;
        }
        unread.position - start
    }
}

impl Read for MemoryInputPipe {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        Ok(self.fill(&mut [IoSliceMut::new(buffer)]))
    }
}

/// Memory that receives what a guest writes to its stdout or stderr. Clones share the contents.
#[derive(Debug, Clone)]
pub struct MemoryOutputPipe(Arc<Written>);

#[derive(Debug)]
struct Written {
    bytes: Mutex<Vec<u8>>,
    capacity: usize,
}

impl MemoryOutputPipe {
    /// A pipe that takes at most `capacity` bytes; writes beyond give the guest `ENOSPC`.
    pub fn new(capacity: usize) -> MemoryOutputPipe {
        MemoryOutputPipe(Arc::new(Written { bytes: Mutex::default(), capacity }))
    }

    /// All bytes written so far.
    pub fn contents(&self) -> Vec<u8> {
        lock(&self.0.bytes).clone()
    }

    fn append(&self, buffers: &[IoSlice<'_>]) -> Result<usize, Errno> {
        let mut bytes = lock(&self.0.bytes);
        let start = bytes.len();
        for buffer in buffers {
            let count = buffer.len().min(self.0.capacity - bytes.len());
            bytes.extend_from_slice(&buffer[..count]);
        }
        let written = bytes.len() - start;
        if written == 0 && buffers.iter().any(|buffer| !buffer.is_empty()) {
            return Err(Errno::NOSPC);
        }
        Ok(written)
    }
}

impl Write for MemoryOutputPipe {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        self.append(&[IoSlice::new(buffer)]).map_err(|_| io::ErrorKind::StorageFull.into())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
