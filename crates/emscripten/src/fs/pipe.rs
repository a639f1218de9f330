//! Pipes within one program.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use super::node::Budget;
use crate::errno::Errno;
use crate::stream::lock;

/// Bytes that a pipe holds, as on Linux.
const CAPACITY: usize = 64 << 10;

/// What was written and is not read yet. All that it can hold is counted against the budget.
pub(crate) struct Pipe {
    bytes: Mutex<VecDeque<u8>>,
    readers: AtomicUsize,
    writers: AtomicUsize,
    budget: Arc<Budget>,
}

/// One end, as long as it is open.
pub(crate) struct PipeEnd {
    pub(crate) pipe: Arc<Pipe>,
    pub(crate) writes: bool,
}

impl PipeEnd {
    pub(crate) fn new(pipe: &Arc<Pipe>, writes: bool) -> PipeEnd {
        let pipe = pipe.clone();
        pipe.ends(writes).fetch_add(1, Ordering::Relaxed);
        PipeEnd { pipe, writes }
    }

    /// Reads what there is. Nothing to read is the end, or `EAGAIN` while somebody could still
    /// write, as Emscripten has it: in a program of one thread nobody would while it waits.
    pub(crate) fn read(&self, buffer: &mut [u8]) -> Result<usize, Errno> {
        if self.writes {
            return Err(Errno::BADF);
        }
        let mut bytes = lock(&self.pipe.bytes);
        let count = buffer.len().min(bytes.len());
        if count == 0 && !buffer.is_empty() && self.other_end_is_open() {
            return Err(Errno::AGAIN);
        }
        for (place, byte) in buffer.iter_mut().zip(bytes.drain(..count)) {
            *place = byte;
        }
        Ok(count)
    }

    pub(crate) fn write(&self, from: &[u8]) -> Result<usize, Errno> {
        if !self.writes {
            return Err(Errno::BADF);
        }
        if !self.other_end_is_open() {
            return Err(Errno::PIPE);
        }
        let mut bytes = lock(&self.pipe.bytes);
        let count = from.len().min(CAPACITY - bytes.len());
        if count == 0 && !from.is_empty() {
            return Err(Errno::AGAIN);
        }
        bytes.extend(&from[..count]);
        Ok(count)
    }

    pub(crate) fn other_end_is_open(&self) -> bool {
        self.pipe.ends(!self.writes).load(Ordering::Relaxed) > 0
    }

    /// Bytes that can be read.
    pub(crate) fn available(&self) -> usize {
        lock(&self.pipe.bytes).len()
    }

    /// Whether a call would not give `EAGAIN`.
    pub(crate) fn ready(&self) -> bool {
        match self.writes {
            true => self.available() < CAPACITY || !self.other_end_is_open(),
            false => self.available() > 0 || !self.other_end_is_open(),
        }
    }
}

impl Pipe {
    /// # Errors
    ///
    /// `ENFILE` when the budget does not have as much.
    pub(crate) fn new(budget: &Arc<Budget>) -> Result<Arc<Pipe>, Errno> {
        budget.take_bytes(CAPACITY as u64).map_err(|_| Errno::NFILE)?;
        Ok(Arc::new(Pipe {
            bytes: Mutex::default(),
            readers: AtomicUsize::new(0),
            writers: AtomicUsize::new(0),
            budget: budget.clone(),
        }))
    }

    fn ends(&self, writing: bool) -> &AtomicUsize {
        if writing { &self.writers } else { &self.readers }
    }
}

impl Drop for Pipe {
    fn drop(&mut self) {
        self.budget.return_bytes(CAPACITY as u64);
    }
}

impl Drop for PipeEnd {
    fn drop(&mut self) {
        self.pipe.ends(self.writes).fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use crate::ctx::now;
    use crate::errno::Errno;
    use crate::fs::Files;
    use crate::fs::node::Budget;
    use crate::stream::{Input, Output};

    #[test]
    fn pipes_count_as_files_in_memory_do() {
        let budget = Budget::new(200_000, 100);
        let streams = (Input::Empty, Output::Discard, Output::Discard);
        let mut files = Files::new(budget.clone(), streams, now()).unwrap();
        let before = budget.bytes_left();
        let pipes: Vec<_> = (0..3).map(|_| files.pipe(0).unwrap()).collect();
        assert_eq!(files.pipe(0), Err(Errno::NFILE));
        for (read, write) in pipes {
            files.remove(read).unwrap();
            files.remove(write).unwrap();
        }
        assert_eq!(budget.bytes_left(), before);
    }
}
