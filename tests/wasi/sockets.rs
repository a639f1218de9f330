//! Sockets over the loopback interface: a guest that serves, and a client of the host.

use crate::guest::Guest;
use crate::{BADF, INVAL, NOTCAPABLE, NOTSOCK, SPIPE, with_directory};
use palisade_wasi::WasiCtxBuilder;
use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};

const AGAIN: i32 = 6;
const NOTCONN: i32 = 53;
const PIPE: i32 = 64;
const CONNRESET: i32 = 15;

/// `$fdflags`.
const NONBLOCK: i64 = 4;

/// A guest whose descriptor 3 listens on the address.
fn server() -> (SocketAddr, Guest) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    (address, Guest::new(WasiCtxBuilder::new().preopened_socket(listener).build()))
}

fn accept(guest: &mut Guest) -> i64 {
    guest.succeed("sock_accept", &[3, 0, 8]);
    guest.u32_at(8).into()
}

#[test]
pub(crate) fn a_connection() {
    let (address, mut guest) = server();
    let mut client = TcpStream::connect(address).unwrap();
    let fd = accept(&mut guest);
    assert_eq!(fd, 4);
    client.write_all(b"hello, guest").unwrap();
    // Looked at, taken in parts, and waited for in full.
    guest.iovecs(64, &[(128, 3), (140, 4)]);
    guest.succeed("sock_recv", &[fd, 64, 2, 1, 8, 12]);
    assert_eq!((guest.u32_at(8), guest.u32_at(12) & 0xffff), (7, 0));
    guest.succeed("sock_recv", &[fd, 64, 2, 0, 8, 12]);
    assert_eq!((guest.bytes(128, 3), guest.bytes(140, 4)), (&b"hel"[..], &b"lo, "[..]));
    guest.iovecs(64, &[(128, 5)]);
    guest.succeed("sock_recv", &[fd, 64, 1, 2, 8, 12]);
    assert_eq!(guest.bytes(128, 5), b"guest");
    guest.fail("sock_recv", &[fd, 64, 1, 4, 8, 12], INVAL);

    guest.succeed("sock_send", &[fd, 64, 1, 0, 8]);
    guest.fail("sock_send", &[fd, 64, 1, 1, 8], INVAL);
    guest.succeed("fd_write", &[fd, 64, 1, 8]);
    let mut answer = [0; 10];
    client.read_exact(&mut answer).unwrap();
    assert_eq!(&answer, b"guestguest");

    for (name, args) in [
        ("fd_seek", vec![fd, 0, 0, 8]),
        ("fd_tell", vec![fd, 8]),
        ("fd_pread", vec![fd, 64, 1, 0, 8]),
        ("fd_filestat_set_size", vec![fd, 0]),
    ] {
        guest.fail(name, &args, SPIPE);
    }
    guest.fail("fd_sync", &[fd], INVAL);
    guest.fail("fd_filestat_set_times", &[fd, 0, 0, 0], BADF);
    guest.fail("fd_prestat_get", &[fd, 8], BADF);

    // Each direction ends by itself.
    guest.fail("sock_shutdown", &[fd, 0], INVAL);
    guest.fail("sock_shutdown", &[fd, 4], INVAL);
    guest.succeed("sock_shutdown", &[fd, 2]);
    assert_eq!(client.read(&mut answer).unwrap(), 0);
    // No signal, whatever the process does with it.
    guest.fail("sock_send", &[fd, 64, 1, 0, 8], PIPE);
    guest.fail("fd_write", &[fd, 64, 1, 8], PIPE);
    client.write_all(b"bye").unwrap();
    client.shutdown(Shutdown::Write).unwrap();
    guest.succeed("fd_read", &[fd, 64, 1, 8]);
    assert_eq!(guest.u32_at(8), 3);
    guest.succeed("fd_read", &[fd, 64, 1, 8]);
    assert_eq!(guest.u32_at(8), 0);
    guest.succeed("fd_close", &[fd]);
    guest.fail("sock_recv", &[fd, 64, 1, 0, 8, 12], BADF);
}

#[test]
fn without_waiting() {
    let (address, mut guest) = server();
    guest.succeed("fd_fdstat_set_flags", &[3, NONBLOCK]);
    guest.succeed("fd_fdstat_get", &[3, 0x100]);
    assert_eq!((guest.bytes(0x100, 1)[0], guest.bytes(0x102, 1)[0]), (6, 4));
    guest.fail("sock_accept", &[3, 0, 8], AGAIN);
    guest.fail("sock_accept", &[3, 1, 8], INVAL);
    let client = TcpStream::connect(address).unwrap();
    guest.succeed("sock_accept", &[3, NONBLOCK, 8]);
    let fd = i64::from(guest.u32_at(8));
    guest.iovecs(64, &[(128, 4)]);
    guest.fail("sock_recv", &[fd, 64, 1, 0, 8, 12], AGAIN);
    guest.fail("fd_read", &[fd, 64, 1, 8], AGAIN);
    guest.succeed("fd_filestat_get", &[fd, 0x100]);
    assert_eq!(guest.bytes(0x110, 1), [6]);
    drop(client);
    let ended = [0, CONNRESET].contains(&guest.call("fd_read", &[fd, 64, 1, 8]));
    assert!(ended);
}

#[test]
fn what_is_no_connection() {
    let (_, mut guest) = server();
    guest.iovecs(64, &[(128, 4)]);
    guest.fail("sock_recv", &[3, 64, 1, 0, 8, 12], NOTCONN);
    guest.fail("sock_send", &[3, 64, 1, 0, 8], BADF);
    let (_dir, mut other) = with_directory();
    for fd in [0, 1, 3] {
        other.iovecs(64, &[(128, 4)]);
        other.fail("sock_accept", &[fd, 0, 8], NOTSOCK);
        other.fail("sock_recv", &[fd, 64, 1, 0, 8, 12], NOTSOCK);
        other.fail("sock_send", &[fd, 64, 1, 0, 8], NOTSOCK);
        other.fail("sock_shutdown", &[fd, 3], NOTSOCK);
    }
    other.fail("sock_accept", &[99, 0, 8], BADF);
    other.fail("sock_shutdown", &[99, 3], BADF);
}

#[test]
fn rights_of_sockets() {
    const FD_READ: i64 = 1 << 1;
    const SOCK_ACCEPT: i64 = 1 << 29;
    let (address, mut guest) = server();
    let _client = TcpStream::connect(address).unwrap();
    let (base, inheriting) = guest.rights(3);
    guest.succeed("fd_fdstat_set_rights", &[3, base, inheriting & !FD_READ]);
    let fd = accept(&mut guest);
    assert_eq!(guest.rights(fd), (inheriting & !FD_READ, 0));
    guest.iovecs(64, &[(128, 4)]);
    guest.fail("sock_recv", &[fd, 64, 1, 0, 8, 12], BADF);
    guest.succeed("fd_fdstat_set_rights", &[3, base & !SOCK_ACCEPT, 0]);
    guest.fail("sock_accept", &[3, 0, 8], NOTCAPABLE);
}
