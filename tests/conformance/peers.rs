//! The other side of the programs that accept connections.
//!
//! A peer runs on a thread of its own. It panics when the program does not do its part, or takes long.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

pub(crate) type Peer = fn(SocketAddr);

/// Far more than any step takes, so that a program that hangs or ended early fails the test in time.
const PATIENCE: Duration = Duration::from_secs(10);

/// As soon as somebody listens, which may be a process that is just starting.
fn connect(address: SocketAddr) -> TcpStream {
    let start = Instant::now();
    let stream = loop {
        match TcpStream::connect(address) {
            Ok(stream) => break stream,
            Err(error) if start.elapsed() > PATIENCE => panic!("nobody listens: {error}"),
            Err(_) => thread::sleep(Duration::from_millis(1)),
        }
    };
    stream.set_read_timeout(Some(PATIENCE)).expect("set");
    stream.set_write_timeout(Some(PATIENCE)).expect("set");
    stream
}

fn expect(mut stream: &TcpStream, text: &str) {
    let mut received = vec![0; text.len()];
    stream.read_exact(&mut received).expect("received");
    assert_eq!(String::from_utf8_lossy(&received), text);
}

fn rest(mut stream: &TcpStream) -> Vec<u8> {
    let mut received = Vec::new();
    stream.read_to_end(&mut received).expect("received to the end");
    received
}

fn send(mut stream: &TcpStream, bytes: &[u8]) {
    stream.write_all(bytes).expect("sent");
}

/// Sends a little, then much, and gets it back in upper case.
pub(crate) fn echo(address: SocketAddr) {
    for text in ["hello, world".to_string(), "0123456789abcdef".repeat(20_000)] {
        let stream = connect(address);
        let received = thread::scope(|scope| {
            scope.spawn(|| {
                send(&stream, text.as_bytes());
                stream.shutdown(Shutdown::Write).expect("hung up");
            });
            rest(&stream)
        });
        assert!(received == text.to_uppercase().as_bytes(), "something else came back");
    }
}

pub(crate) fn accept(address: SocketAddr) {
    let first = connect(address);
    expect(&first, "again");
    let second = connect(address);
    expect(&second, "send");
    send(&second, b"sent");
    assert!(rest(&first).is_empty() && rest(&second).is_empty());
}

pub(crate) fn receive(address: SocketAddr) {
    let stream = connect(address);
    send(&stream, b"0123456789");
    expect(&stream, "more");
    send(&stream, b"abcde");
    expect(&stream, "rest");
    send(&stream, b"fgh");
    expect(&stream, "bye");
    stream.shutdown(Shutdown::Write).expect("hung up");
    assert!(rest(&stream).is_empty());
}

pub(crate) fn shutdown(address: SocketAddr) {
    let stream = connect(address);
    assert_eq!(rest(&stream), b"abc");
    send(&stream, b"late");
    // The program stops receiving, then hangs up in the other direction too.
    let second = connect(address);
    assert!(rest(&second).is_empty());
}

/// The program has a socket and nobody connects.
pub(crate) fn nobody(_: SocketAddr) {}

pub(crate) fn line(address: SocketAddr) {
    let stream = connect(address);
    send(&stream, b"hello\n");
    assert_eq!(rest(&stream), b"you said: hello\n");
}
