//! Readers and writers of the embedder as standard streams.

use crate::guest::Guest;
use crate::{BADF, NOSPC};
use palisade_wasi::{MemoryInputPipe, MemoryOutputPipe, WasiCtxBuilder};
use std::io::{self, Read, Write};
use std::sync::{Arc, Mutex};

/// Reads and writes at most 3 bytes at a time, is interrupted now and then, and keeps what it holds until it is flushed.
#[derive(Clone, Default)]
struct Slow(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    calls: usize,
    held: Vec<u8>,
    out: Vec<u8>,
}

impl Slow {
    fn interrupted(&self) -> io::Result<()> {
        let mut state = self.0.lock().unwrap();
        state.calls += 1;
        if state.calls % 2 == 1 { Err(io::ErrorKind::Interrupted.into()) } else { Ok(()) }
    }
}

impl Read for Slow {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.interrupted()?;
        let count = buffer.len().min(3);
        buffer[..count].fill(b'r');
        Ok(count)
    }
}

impl Write for Slow {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        self.interrupted()?;
        let count = buffer.len().min(3);
        self.0.lock().unwrap().held.extend_from_slice(&buffer[..count]);
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        let mut state = self.0.lock().unwrap();
        let held = std::mem::take(&mut state.held);
        state.out.extend(held);
        Ok(())
    }
}

struct Failing(io::ErrorKind);

impl Write for Failing {
    fn write(&mut self, _: &[u8]) -> io::Result<usize> {
        Err(self.0.into())
    }

    fn flush(&mut self) -> io::Result<()> {
        Err(self.0.into())
    }
}

/// Claims to have read and written more than there is.
struct Boasting;

impl Read for Boasting {
    fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
        Ok(usize::MAX)
    }
}

impl Write for Boasting {
    fn write(&mut self, _: &[u8]) -> io::Result<usize> {
        Ok(usize::MAX)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
pub(crate) fn readers_and_writers() {
    let slow = Slow::default();
    let mut builder = WasiCtxBuilder::new();
    builder.stdin(slow.clone()).stdout(slow.clone()).stderr(Failing(io::ErrorKind::BrokenPipe));
    let mut guest = Guest::new(builder.build());
    guest.iovecs(64, &[(128, 5), (140, 5)]);
    guest.succeed("fd_read", &[0, 64, 2, 8]);
    assert_eq!((guest.u32_at(8), guest.bytes(128, 4)), (3, &b"rrr\0"[..]));
    guest.succeed("fd_write", &[1, 64, 2, 8]);
    assert_eq!((guest.u32_at(8), slow.0.lock().unwrap().out.len()), (3, 0));
    guest.succeed("fd_sync", &[1]);
    assert_eq!(slow.0.lock().unwrap().out, b"rrr");
    guest.fail("fd_write", &[2, 64, 2, 8], 64);
    guest.fail("fd_sync", &[2], 64);
    guest.fail("fd_read", &[1, 64, 2, 8], BADF);
    // Neither is a terminal.
    guest.succeed("fd_fdstat_get", &[0, 0x100]);
    assert_eq!(guest.bytes(0x100, 1), [0]);
}

#[test]
pub(crate) fn wrong_counts() {
    let mut guest = Guest::new(WasiCtxBuilder::new().stdin(Boasting).stdout(Boasting).build());
    guest.iovecs(64, &[(128, 5), (140, 5)]);
    guest.succeed("fd_read", &[0, 64, 2, 8]);
    assert_eq!(guest.u32_at(8), 10);
    guest.succeed("fd_write", &[1, 64, 2, 8]);
    assert_eq!(guest.u32_at(8), 10);
}

/// Pipes in memory are readers and writers too.
#[test]
pub(crate) fn pipes_in_memory() {
    let mut input = MemoryInputPipe::new("abc");
    let mut text = String::new();
    input.clone().take(2).read_to_string(&mut text).unwrap();
    assert_eq!((text.as_str(), input.contents()), ("ab", b"c".to_vec()));
    input.read_to_string(&mut text).unwrap();
    assert_eq!(text, "abc");
    let mut output = MemoryOutputPipe::new(4);
    output.write_all(b"abcd").unwrap();
    assert_eq!(output.write(b"e").unwrap_err().kind(), io::ErrorKind::StorageFull);
    assert_eq!(output.contents(), b"abcd");
    let mut guest = Guest::new(WasiCtxBuilder::new().stdout(output).build());
    guest.iovecs(64, &[(128, 5)]);
    guest.fail("fd_write", &[1, 64, 1, 8], NOSPC);
}

/// More buffers than one call of the host takes, of which the rest is left for the next.
#[test]
pub(crate) fn many_buffers() {
    let stdout = MemoryOutputPipe::new(1 << 20);
    let stdin = MemoryInputPipe::new((0..10_000).map(|i| i as u8).collect::<Vec<_>>());
    let mut guest = Guest::new(WasiCtxBuilder::new().stdin(stdin).stdout(stdout.clone()).build());
    for count in [3, 64, 1024, 2000] {
        let buffers: Vec<(u32, u32)> = (0..count).map(|i| (0x6000 + 2 * (i % 1024), 2)).collect();
        guest.iovecs(0x1000, &buffers);
        let before = stdout.contents().len();
        guest.succeed("fd_write", &[1, 0x1000, count.into(), 8]);
        let written = guest.u32_at(8) as usize;
        assert_eq!(written, 2 * count.min(1024) as usize);
        assert_eq!(stdout.contents().len() - before, written);
    }
    // In any order, and the bytes come in that of the buffers.
    guest.iovecs(0x1000, &[(0x2004, 2), (0x2000, 2), (0x2008, 1), (0x2006, 1)]);
    guest.succeed("fd_read", &[0, 0x1000, 4, 8]);
    assert_eq!(guest.bytes(0x2000, 9), [2, 3, 0, 0, 0, 1, 5, 0, 4]);
    guest.iovecs(0x1000, &[(0x3002, 2), (0x3000, 2)]);
    guest.succeed("fd_read", &[0, 0x1000, 2, 8]);
    assert_eq!(guest.bytes(0x3000, 4), [8, 9, 6, 7]);
}

#[test]
fn many_buffers_that_overlap() {
    let stdin = MemoryInputPipe::new("abcdef");
    let mut guest = Guest::new(WasiCtxBuilder::new().stdin(stdin).build());
    guest.iovecs(0x1000, &[(0x3000, 2), (0x3000, 2), (0x3000, 2)]);
    guest.succeed("fd_read", &[0, 0x1000, 3, 8]);
    assert_eq!(guest.u32_at(8), 2);
}
