//! Sockets: accepting connections from a listening one, and exchanging data over them.

use std::io::{IoSlice, IoSliceMut};

use rustix::io::retry_on_intr;
use rustix::net::{
    RecvAncillaryBuffer, RecvFlags, SendAncillaryBuffer, SendFlags, Shutdown, SocketFlags,
    accept_with, recvmsg, sendmsg, shutdown,
};

use super::types::{fdflags, known_flags};
use crate::ctx::{Entry, State};
use crate::descriptor::{Descriptor, Socket};
use crate::errno::Errno;
use crate::guest::Guest;
use crate::rights::{self, Rights};

/// `$riflags` of `sock_recv`.
const RECV_PEEK: u32 = 1 << 0;
const RECV_WAITALL: u32 = 1 << 1;

/// `$sdflags` of `sock_shutdown`.
const SHUT_RD: u32 = 1 << 0;
const SHUT_WR: u32 = 1 << 1;

/// Accepts a connection, which can be told not to block from the start.
pub(super) fn sock_accept(
    ctx: &State,
    mut guest: Guest<'_>,
    fd: u32,
    flags: u32,
    result: u32,
) -> Result<(), Errno> {
    let result = guest.span(result, 4)?;
    let entry = ctx.fds.get(fd)?;
    let Socket(listener) = entry.socket(rights::SOCK_ACCEPT)?;
    let mut options = SocketFlags::CLOEXEC;
    options.set(SocketFlags::NONBLOCK, known_flags(flags, fdflags::NONBLOCK)? != 0);
    let connection = retry_on_intr(|| accept_with(listener, options))?;
    let connection = Descriptor::Socket(Socket(connection));
    let rights = Rights::new(entry.rights.inheriting, 0);
    let fd = ctx.fds.insert(Entry::new(connection, rights))?;
    guest.put_u32(result, fd);
    Ok(())
}

pub(super) fn sock_recv(
    ctx: &State,
    mut guest: Guest<'_>,
    fd: u32,
    iovs: u32,
    iovs_len: u32,
    flags: u32,
    nread: u32,
    flags_out: u32,
) -> Result<(), Errno> {
    let (nread, flags_out) = (guest.span(nread, 4)?, guest.span(flags_out, 2)?);
    let buffers = guest.buffers(iovs, iovs_len)?;
    let entry = ctx.fds.get(fd)?;
    let socket = entry.socket(rights::FD_READ)?;
    let flags = known_flags(flags, RECV_PEEK | RECV_WAITALL)?;
    let mut options = RecvFlags::empty();
    options.set(RecvFlags::PEEK, flags & RECV_PEEK != 0);
    options.set(RecvFlags::WAITALL, flags & RECV_WAITALL != 0);
    let count = guest.scatter(&buffers, |slices| receive(socket, slices, options))?;
    guest.put_u32(nread, count as u32);
    // A stream has no messages that could have been cut off.
    guest.put(flags_out, &[0, 0]);
    Ok(())
}

pub(super) fn sock_send(
    ctx: &State,
    mut guest: Guest<'_>,
    fd: u32,
    iovs: u32,
    iovs_len: u32,
    flags: u32,
    nwritten: u32,
) -> Result<(), Errno> {
    let nwritten = guest.span(nwritten, 4)?;
    let buffers = guest.buffers(iovs, iovs_len)?;
    let entry = ctx.fds.get(fd)?;
    let socket = entry.socket(rights::FD_WRITE)?;
    // There are no `$siflags`.
    known_flags(flags, 0)?;
    let count = guest.gather(&buffers, |slices| send(socket, slices, SendFlags::empty()))?;
    guest.put_u32(nwritten, count as u32);
    Ok(())
}

pub(super) fn sock_shutdown(ctx: &State, _: Guest<'_>, fd: u32, how: u32) -> Result<(), Errno> {
    let entry = ctx.fds.get(fd)?;
    let Socket(socket) = entry.socket(rights::SOCK_SHUTDOWN)?;
    let how = match known_flags(how, SHUT_RD | SHUT_WR)? {
        SHUT_RD => Shutdown::Read,
        SHUT_WR => Shutdown::Write,
        0 => return Err(Errno::INVAL),
        _ => Shutdown::Both,
    };
    Ok(shutdown(socket, how)?)
}

pub(super) fn receive(
    Socket(socket): &Socket,
    buffers: &mut [IoSliceMut<'_>],
    flags: RecvFlags,
) -> Result<usize, Errno> {
    let mut control = RecvAncillaryBuffer::default();
    Ok(retry_on_intr(|| recvmsg(socket, buffers, &mut control, flags))?.bytes)
}

/// Sends without SIGPIPE, whatever the process does with that: a guest has no handlers, and one
/// that serves several clients should outlive each of them.
pub(super) fn send(
    Socket(socket): &Socket,
    buffers: &[IoSlice<'_>],
    flags: SendFlags,
) -> Result<usize, Errno> {
    let mut control = SendAncillaryBuffer::default();
    Ok(retry_on_intr(|| sendmsg(socket, buffers, &mut control, flags | SendFlags::NOSIGNAL))?)
}
