//! The functions of `wasi_snapshot_preview1`, by name and signature, and those of the snapshot
//! before it, `wasi_unstable`.
//!
//! This file is the table of contents: one line per function, its body in the file named by the
//! path on the right.
//!
//! A function gets the guest's memory and its context and returns an error code; it knows neither
//! stores nor linkers, and never panics for anything a guest passes.

#![expect(clippy::too_many_arguments, reason = "the signatures are those of WASI's functions")]

mod args;
mod clock;
mod fd;
mod filestat;
pub(crate) mod io;
mod path;
mod place;
mod poll;
mod proc;
mod random;
pub(crate) mod readdir;
mod sock;
mod types;

use palisade::{Caller, Error, Extern, Linker, Result};

use crate::ctx::WasiCtx;
use crate::errno::Errno;
use crate::guest::Guest;

/// The module that guests import from.
const PREVIEW1: &str = "wasi_snapshot_preview1";

/// The module that guests of before 2020 import from. It differs in the layout of two records, in
/// the numbers of `$whence`, and in having no `sock_accept`.
const UNSTABLE: &str = "wasi_unstable";

/// Defines each listed function: `name(parameters) = body`.
///
/// `fd_close(fd: u32) = fd::fd_close` expands to
///
/// ```text
/// linker.func_wrap(module, "fd_close", move |mut caller: Caller<'_, T>, fd: u32| -> Result<u32> {
///     let (guest, data) = enter(&mut caller)?;
///     Ok(errno(fd::fd_close(&ctx(data).0, guest, fd)))
/// })?;
/// ```
macro_rules! define {
    ($linker:ident, $module:expr, $ctx:ident: $(
        $name:ident($($arg:ident: $ty:ty),*) = $body:path;
    )*) => {$(
        $linker.func_wrap(
            $module,
            stringify!($name),
            move |mut caller: Caller<'_, T>, $($arg: $ty),*| -> Result<u32> {
                let (guest, data) = enter(&mut caller)?;
                Ok(errno($body(&$ctx(data).0, guest, $($arg),*)))
            },
        )?;
    )*};
}

/// Defines all functions of WASI preview 1 in `linker`, and those of `wasi_unstable`.
///
/// `ctx` finds the context in the data of a store. It is called for every WASI call, so it should
/// be no more than a field access.
///
/// A guest that calls one of them has to export its memory, shared or not, as `memory`; else the
/// call ends with an error that says so. `proc_exit` ends the guest's call with
/// [`I32Exit`](crate::I32Exit) as its error, and so does `proc_raise` with a signal that ends a
/// process.
///
/// # Errors
///
/// When `linker` already has one of the names and does not allow shadowing.
#[rustfmt::skip] // Tables: one function, one line.
pub fn add_to_linker<T: 'static>(
    linker: &mut Linker<T>,
    ctx: impl Fn(&mut T) -> &mut WasiCtx + Copy + Send + Sync + 'static,
) -> Result<()> {
    define! { linker, PREVIEW1, ctx:
        fd_seek(fd: u32, offset: i64, whence: u32, result: u32) = io::fd_seek;
        fd_filestat_get(fd: u32, result: u32) = filestat::fd_filestat_get;
        path_filestat_get(fd: u32, lookup: u32, path: u32, len: u32, result: u32) = filestat::path_filestat_get;
        poll_oneoff(subscriptions: u32, events: u32, count: u32, stored: u32) = poll::poll_oneoff;
        sock_accept(fd: u32, flags: u32, result: u32) = sock::sock_accept;
    }
    define! { linker, UNSTABLE, ctx:
        fd_seek(fd: u32, offset: i64, whence: u32, result: u32) = io::fd_seek_unstable;
        fd_filestat_get(fd: u32, result: u32) = filestat::fd_filestat_get_unstable;
        path_filestat_get(fd: u32, lookup: u32, path: u32, len: u32, result: u32) = filestat::path_filestat_get_unstable;
        poll_oneoff(subscriptions: u32, events: u32, count: u32, stored: u32) = poll::poll_oneoff_unstable;
    }
    add_shared(linker, PREVIEW1, ctx)?;
    add_shared(linker, UNSTABLE, ctx)
}

/// Defines what both snapshots have alike.
#[rustfmt::skip] // Likewise.
fn add_shared<T: 'static>(
    linker: &mut Linker<T>,
    module: &str,
    ctx: impl Fn(&mut T) -> &mut WasiCtx + Copy + Send + Sync + 'static,
) -> Result<()> {
    define! { linker, module, ctx:
        // Arguments and environment.
        args_get(argv: u32, buf: u32) = args::args_get;
        args_sizes_get(count: u32, size: u32) = args::args_sizes_get;
        environ_get(environ: u32, buf: u32) = args::environ_get;
        environ_sizes_get(count: u32, size: u32) = args::environ_sizes_get;

        // Clocks and randomness.
        clock_res_get(id: u32, result: u32) = clock::clock_res_get;
        clock_time_get(id: u32, precision: u64, result: u32) = clock::clock_time_get;
        random_get(buf: u32, len: u32) = random::random_get;

        // Reading and writing.
        fd_read(fd: u32, iovs: u32, iovs_len: u32, nread: u32) = io::fd_read;
        fd_pread(fd: u32, iovs: u32, iovs_len: u32, offset: u64, nread: u32) = io::fd_pread;
        fd_write(fd: u32, iovs: u32, iovs_len: u32, nwritten: u32) = io::fd_write;
        fd_pwrite(fd: u32, iovs: u32, iovs_len: u32, offset: u64, nwritten: u32) = io::fd_pwrite;
        fd_tell(fd: u32, result: u32) = io::fd_tell;

        // Descriptors.
        fd_close(fd: u32) = fd::fd_close;
        fd_renumber(from: u32, to: u32) = fd::fd_renumber;
        fd_fdstat_get(fd: u32, result: u32) = fd::fd_fdstat_get;
        fd_fdstat_set_flags(fd: u32, flags: u32) = fd::fd_fdstat_set_flags;
        fd_fdstat_set_rights(fd: u32, base: u64, inheriting: u64) = fd::fd_fdstat_set_rights;
        fd_prestat_get(fd: u32, result: u32) = fd::fd_prestat_get;
        fd_prestat_dir_name(fd: u32, buf: u32, len: u32) = fd::fd_prestat_dir_name;
        fd_sync(fd: u32) = fd::fd_sync;
        fd_datasync(fd: u32) = fd::fd_datasync;
        fd_advise(fd: u32, offset: u64, len: u64, advice: u32) = fd::fd_advise;
        fd_allocate(fd: u32, offset: u64, len: u64) = fd::fd_allocate;
        fd_readdir(fd: u32, buf: u32, len: u32, cookie: u64, used: u32) = readdir::fd_readdir;

        // File attributes.
        fd_filestat_set_size(fd: u32, size: u64) = filestat::fd_filestat_set_size;
        fd_filestat_set_times(fd: u32, atim: u64, mtim: u64, flags: u32) = filestat::fd_filestat_set_times;
        path_filestat_set_times(
            fd: u32, lookup: u32, path: u32, len: u32, atim: u64, mtim: u64, flags: u32
        ) = filestat::path_filestat_set_times;

        // Paths.
        path_open(
            fd: u32, lookup: u32, path: u32, len: u32, oflags: u32,
            rights: u64, inheriting: u64, fdflags: u32, result: u32
        ) = path::path_open;
        path_create_directory(fd: u32, path: u32, len: u32) = path::path_create_directory;
        path_remove_directory(fd: u32, path: u32, len: u32) = path::path_remove_directory;
        path_unlink_file(fd: u32, path: u32, len: u32) = path::path_unlink_file;
        path_rename(fd: u32, old: u32, old_len: u32, to_fd: u32, new: u32, new_len: u32) = path::path_rename;
        path_link(
            fd: u32, lookup: u32, old: u32, old_len: u32, to_fd: u32, new: u32, new_len: u32
        ) = path::path_link;
        path_symlink(target: u32, target_len: u32, fd: u32, path: u32, len: u32) = path::path_symlink;
        path_readlink(fd: u32, path: u32, len: u32, buf: u32, buf_len: u32, used: u32) = path::path_readlink;

        // Sockets.
        sock_recv(fd: u32, iovs: u32, iovs_len: u32, flags: u32, nread: u32, out: u32) = sock::sock_recv;
        sock_send(fd: u32, iovs: u32, iovs_len: u32, flags: u32, nwritten: u32) = sock::sock_send;
        sock_shutdown(fd: u32, how: u32) = sock::sock_shutdown;

        // Waiting.
        sched_yield() = poll::sched_yield;
    }
    linker.func_wrap(module, "proc_exit", |_: Caller<'_, T>, code: u32| proc::proc_exit(code))?;
    linker.func_wrap(module, "proc_raise", |_: Caller<'_, T>, signal: u32| proc::proc_raise(signal))?;
    Ok(())
}

/// The caller's memory and the store's data.
fn enter<'a, T: 'static>(caller: &'a mut Caller<'_, T>) -> Result<(Guest<'a>, &'a mut T)> {
    match caller.get_export("memory") {
        Some(Extern::Memory(memory)) => {
            let (bytes, data) = memory.data_and_store_mut(caller);
            Ok((Guest::own(bytes), data))
        }
        Some(Extern::SharedMemory(memory)) => Ok((Guest::shared(memory), caller.data_mut())),
        Some(_) => Err(Error::msg("the module's export `memory` is not a memory")),
        None => Err(Error::msg("the module exports no memory named `memory`, which WASI needs")),
    }
}

/// What the guest gets for `result`: zero for success.
fn errno(result: std::result::Result<(), Errno>) -> u32 {
    match result {
        Ok(()) => 0,
        Err(errno) => u32::from(errno.code()),
    }
}
