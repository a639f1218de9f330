//! Functions that exist so that modules link, and fail when called.
//!
//! There are no sockets to operate on, no signals to raise, and rights restrict nothing, so to
//! promise that they have been narrowed would be wrong.

use crate::ctx::WasiCtx;
use crate::errno::Errno;
use crate::guest::Guest;

type Refused = Result<(), Errno>;

pub(super) fn fd_fdstat_set_rights(
    ctx: &mut WasiCtx,
    _: Guest<'_>,
    fd: u32,
    _: u64,
    _: u64,
) -> Refused {
    refuse(ctx, fd)
}

pub(super) fn proc_raise(_: &mut WasiCtx, _: Guest<'_>, _signal: u32) -> Refused {
    Err(Errno::NOTSUP)
}

pub(super) fn sock_accept(ctx: &mut WasiCtx, _: Guest<'_>, fd: u32, _: u32, _: u32) -> Refused {
    refuse(ctx, fd)
}

pub(super) fn sock_recv(
    ctx: &mut WasiCtx,
    _: Guest<'_>,
    fd: u32,
    _iovs: u32,
    _iovs_len: u32,
    _flags: u32,
    _nread: u32,
    _out: u32,
) -> Refused {
    refuse(ctx, fd)
}

pub(super) fn sock_send(
    ctx: &mut WasiCtx,
    _: Guest<'_>,
    fd: u32,
    _iovs: u32,
    _iovs_len: u32,
    _flags: u32,
    _nwritten: u32,
) -> Refused {
    refuse(ctx, fd)
}

pub(super) fn sock_shutdown(ctx: &mut WasiCtx, _: Guest<'_>, fd: u32, _how: u32) -> Refused {
    refuse(ctx, fd)
}

/// A number that is not open is the guest's mistake, and reported as such.
fn refuse(ctx: &WasiCtx, fd: u32) -> Refused {
    ctx.fds.get(fd)?;
    Err(Errno::NOTSUP)
}
