//! `poll_oneoff` and the clocks that it waits by.

use crate::guest::Guest;
use crate::{BADF, FAULT, INVAL, NOTCAPABLE, READ, WRITE, with_directory};
use palisade_wasi::{MemoryInputPipe, WasiCtxBuilder};
use std::io::Write;
use std::net::{TcpListener, TcpStream};
use std::time::Instant;

const MILLISECOND: u64 = 1_000_000;
const REALTIME: u32 = 0;
const MONOTONIC: u32 = 1;
const FD_READ: u8 = 1;
const FD_WRITE: u8 = 2;

/// Where [`poll`] puts subscriptions and finds events.
const SUBSCRIPTIONS: usize = 0x1000;
const EVENTS: usize = 0x4000;

/// `$subscription` of a clock.
fn clock(userdata: u64, id: u32, timeout: u64, flags: u16) -> [u8; 48] {
    let mut bytes = [0; 48];
    bytes[..8].copy_from_slice(&userdata.to_le_bytes());
    bytes[16..20].copy_from_slice(&id.to_le_bytes());
    bytes[24..32].copy_from_slice(&timeout.to_le_bytes());
    bytes[40..42].copy_from_slice(&flags.to_le_bytes());
    bytes
}

/// `$subscription` of a descriptor.
fn descriptor(userdata: u64, tag: u8, fd: i64) -> [u8; 48] {
    let mut bytes = [0; 48];
    bytes[..8].copy_from_slice(&userdata.to_le_bytes());
    bytes[8] = tag;
    bytes[16..20].copy_from_slice(&(fd as u32).to_le_bytes());
    bytes
}

/// User data, error, type, bytes and flags of an event.
type Event = (u64, i32, u8, u64, u8);

fn poll(guest: &mut Guest, subscriptions: &[[u8; 48]]) -> Vec<Event> {
    guest.put(SUBSCRIPTIONS, &subscriptions.concat());
    let count = subscriptions.len() as i64;
    guest.succeed("poll_oneoff", &[SUBSCRIPTIONS as i64, EVENTS as i64, count, 8]);
    let stored = guest.u32_at(8) as usize;
    assert!((1..=subscriptions.len()).contains(&stored));
    (0..stored)
        .map(|i| EVENTS + 32 * i)
        .map(|at| {
            let errno = u16::from_le_bytes(guest.bytes(at + 8, 2).try_into().unwrap());
            let [ty, flags] = [10, 24].map(|offset| guest.bytes(at + offset, 1)[0]);
            (guest.u64_at(at), errno.into(), ty, guest.u64_at(at + 16), flags)
        })
        .collect()
}

fn now(guest: &mut Guest, clock: i64) -> u64 {
    guest.succeed("clock_time_get", &[clock, 0, 16]);
    guest.u64_at(16)
}

#[test]
pub(crate) fn times() {
    let mut guest = Guest::new(WasiCtxBuilder::new().build());
    for id in [REALTIME, MONOTONIC] {
        let before = now(&mut guest, 1);
        assert_eq!(poll(&mut guest, &[clock(7, id, MILLISECOND, 0)]), [(7, 0, 0, 0, 0)]);
        assert!(now(&mut guest, 1) - before >= MILLISECOND);
        let at = now(&mut guest, id.into()) + MILLISECOND;
        poll(&mut guest, &[clock(7, id, at, 1)]);
        assert!(now(&mut guest, id.into()) >= at);
        // What has passed has.
        poll(&mut guest, &[clock(7, id, 1, 1)]);
        poll(&mut guest, &[clock(7, id, 0, 0)]);
    }
    // The first of several ends the wait; a time that never comes does no harm.
    let events =
        poll(&mut guest, &[clock(1, MONOTONIC, u64::MAX, 0), clock(2, MONOTONIC, MILLISECOND, 0)]);
    assert_eq!(events, [(2, 0, 0, 0, 0)]);
    // Clocks that cannot be waited for, or do not exist, and unknown flags.
    for subscription in [clock(3, 2, 0, 0), clock(3, 3, 0, 0), clock(3, 9, 0, 0), clock(3, 1, 0, 2)]
    {
        assert_eq!(poll(&mut guest, &[subscription]), [(3, INVAL, 0, 0, 0)]);
    }
}

#[test]
pub(crate) fn bounds() {
    let mut guest = Guest::new(WasiCtxBuilder::new().build());
    guest.fail("poll_oneoff", &[0x100, 0x200, 0, 0x300], INVAL);
    guest.fail("poll_oneoff", &[0x100, 0x200, 1_000_000, 0x300], FAULT);
    guest.fail("poll_oneoff", &[0x100, 0x200, 0xffff_ffff, 0x300], FAULT);
    guest.put(0x108, &[3]);
    guest.fail("poll_oneoff", &[0x100, 0x200, 1, 0x300], INVAL);
    // Results may lie where the subscriptions were.
    let subscription = clock(9, MONOTONIC, 0, 0);
    guest.put(0x100, &subscription);
    guest.put(0x130, &subscription);
    guest.succeed("poll_oneoff", &[0x100, 0x100, 2, 0x300]);
    assert_eq!((guest.u64_at(0x100), guest.u64_at(0x120), guest.u32_at(0x300)), (9, 9, 2));
    guest.succeed("sched_yield", &[]);
}

#[test]
pub(crate) fn files_and_streams() {
    let (_dir, mut guest) = with_directory();
    let fd = guest.open("file", 0, READ | WRITE).unwrap();
    guest.succeed("fd_seek", &[fd, 3, 0, 8]);
    let events = poll(
        &mut guest,
        &[
            descriptor(1, FD_READ, fd),
            descriptor(2, FD_WRITE, fd),
            clock(3, MONOTONIC, 1_000_000_000_000, 0),
            descriptor(4, FD_READ, 99),
            descriptor(5, FD_WRITE, 3),
            descriptor(6, FD_READ, 1),
            descriptor(7, FD_WRITE, 1),
            descriptor(8, FD_READ, 0),
            descriptor(9, FD_WRITE, 0),
        ],
    );
    assert_eq!(
        events,
        [
            (1, 0, FD_READ, 7, 0),
            (2, 0, FD_WRITE, 1, 0),
            (4, BADF, FD_READ, 0, 0),
            (5, BADF, FD_WRITE, 0, 0),
            (6, BADF, FD_READ, 0, 0),
            (7, 0, FD_WRITE, 1, 0),
            (8, 0, FD_READ, 0, 1),
            (9, BADF, FD_WRITE, 0, 0),
        ]
    );
    // Past the end there is nothing left. Without the right there is no waiting.
    guest.succeed("fd_seek", &[fd, 30, 0, 8]);
    assert_eq!(poll(&mut guest, &[descriptor(1, FD_READ, fd)]), [(1, 0, FD_READ, 0, 0)]);
    let (rights, _) = guest.rights(fd);
    guest.succeed("fd_fdstat_set_rights", &[fd, rights & !(1 << 27), 0]);
    assert_eq!(poll(&mut guest, &[descriptor(1, FD_READ, fd)]), [(1, NOTCAPABLE, FD_READ, 0, 0)]);

    let mut guest = Guest::new(WasiCtxBuilder::new().stdin(MemoryInputPipe::new("abc")).build());
    assert_eq!(poll(&mut guest, &[descriptor(1, FD_READ, 0)]), [(1, 0, FD_READ, 3, 0)]);
}

#[test]
pub(crate) fn sockets() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let mut guest = Guest::new(WasiCtxBuilder::new().preopened_socket(listener).build());
    let timeout = clock(0, MONOTONIC, MILLISECOND, 0);
    let read = |fd| descriptor(1, FD_READ, fd);
    assert_eq!(poll(&mut guest, &[read(3), timeout]), [(0, 0, 0, 0, 0)]);

    let client = std::thread::spawn(move || {
        let mut stream = TcpStream::connect(address).unwrap();
        stream.write_all(b"hello").unwrap();
        stream
    });
    // Without a time, until somebody connects.
    let started = Instant::now();
    let [(1, 0, FD_READ, _, 0)] = poll(&mut guest, &[read(3)])[..] else { panic!() };
    assert!(started.elapsed().as_secs() < 30);
    guest.succeed("sock_accept", &[3, 0, 8]);
    let fd = i64::from(guest.u32_at(8));
    let client = client.join().unwrap();
    assert_eq!(poll(&mut guest, &[read(fd)]), [(1, 0, FD_READ, 5, 0)]);
    let write = descriptor(2, FD_WRITE, fd);
    assert_eq!(poll(&mut guest, &[write]), [(2, 0, FD_WRITE, 1, 0)]);
    guest.iovecs(64, &[(128, 5)]);
    guest.succeed("fd_read", &[fd, 64, 1, 8]);
    assert_eq!(poll(&mut guest, &[read(fd), timeout]), [(0, 0, 0, 0, 0)]);
    drop(client);
    let events = poll(&mut guest, &[read(fd)]);
    assert_eq!((events[0].0, events[0].1, events[0].3), (1, 0, 0));
    guest.succeed("sock_shutdown", &[fd, 3]);
    assert_eq!(poll(&mut guest, &[read(fd)])[0].4, 1);
}
