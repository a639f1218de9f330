//! Standard output that outlives its reader.
//!
//! Rust ignores SIGPIPE, so that `palisade inspect x | head -1` would see an error, and `println!` would panic.
//! Once nobody reads, [`Output`] discards: the command goes on, and its exit status stays true.
//! It holds no lock between writes, because guests write to the same stream.

use std::io::{self, ErrorKind, Stdout, Write};

/// Where commands print to.
pub(crate) struct Output {
    stdout: Stdout,
    closed: bool,
}

impl Output {
    pub(crate) fn stdout() -> Output {
        Output { stdout: io::stdout(), closed: false }
    }

    /// `Ok(fallback)`, from now on without writing, if the reader is gone; other errors stay.
    fn survive<T>(&mut self, result: io::Result<T>, fallback: T) -> io::Result<T> {
        match result {
            Err(error) if error.kind() == ErrorKind::BrokenPipe => {
                self.closed = true;
                Ok(fallback)
            }
            result => result,
        }
    }
}

impl Write for Output {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.closed {
            return Ok(bytes.len());
        }
        let result = self.stdout.write(bytes);
        self.survive(result, bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.closed {
            return Ok(());
        }
        let result = self.stdout.flush();
        self.survive(result, ())
    }
}
