//! WASI preview 1 (`wasi_snapshot_preview1`) over the public API of `palisade`.
//!
//! A [`WasiCtx`] holds what one guest may see: arguments, environment, standard streams and
//! preopened directories and sockets. It lives in the data of a store, and [`add_to_linker`] defines the
//! functions that use it.
//!
//! ```
//! use palisade::{Engine, Linker, Module, Store};
//! use palisade_wasi::{I32Exit, MemoryOutputPipe, WasiCtx, WasiCtxBuilder};
//!
//! let engine = Engine::default();
//! let module = Module::new(
//!     &engine,
//!     r#"(module
//!         (import "wasi_snapshot_preview1" "fd_write"
//!             (func $write (param i32 i32 i32 i32) (result i32)))
//!         (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
//!         (memory (export "memory") 1)
//!         (data (i32.const 0) "\08\00\00\00\05\00\00\00hello")
//!         (func (export "_start")
//!             (call $exit (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 16)))))"#,
//! )?;
//!
//! let mut linker: Linker<WasiCtx> = Linker::new(&engine);
//! palisade_wasi::add_to_linker(&mut linker, |ctx| ctx)?;
//! let stdout = MemoryOutputPipe::new(1024);
//! let ctx = WasiCtxBuilder::new().stdout(stdout.clone()).build();
//! let mut store = Store::new(&engine, ctx);
//! let instance = linker.instantiate(&mut store, &module)?;
//! let start = instance.get_typed_func::<(), ()>(&mut store, "_start")?;
//! let exit = start.call(&mut store, ()).unwrap_err();
//! assert_eq!(exit.downcast_ref(), Some(&I32Exit(0)));
//! assert_eq!(stdout.contents(), b"hello");
//! # Ok::<(), palisade::Error>(())
//! ```
//!
//! # What a guest can and cannot do
//!
//! * It reaches files only through preopened directories. Paths that lead out of one, by `..`, by
//!   being absolute or through a symbolic link, give `ENOTCAPABLE`, also when somebody swaps a
//!   directory for a link at the same time.
//! * [`DirPerms`] and [`FilePerms`] make a preopened directory read-only; what they forbid is
//!   `EPERM`. Files do not move or get hard links to where they would have more permissions.
//! * Rights of a descriptor are enforced and can only shrink, by `fd_fdstat_set_rights` and by what
//!   a directory passes on to what is opened through it: `ENOTCAPABLE`. A file that was not opened
//!   to be read or written gives `EBADF` for that, as on Linux.
//! * It reaches the network only through listening sockets that the embedder gives it.
//! * Every pointer it passes is checked before a call has any effect; a bad one gives `EFAULT`.
//! * What the host allocates for one call is bounded by constants, not by what the guest asks for.
//! * It can block its thread: a read of an inherited stdin, or a sleep, takes as long as it takes.
//!   It has other threads only if a [`WasiThreadsBuilder`] lets it; they share its context, and
//!   calls of one do not wait for those of another that block.
//! * Its memory may be a shared one. Then a call transfers at most 64 KiB, and other threads, the
//!   guest's or the host's, may change what is there at any time.
//! * With [`wall_clock`](WasiCtxBuilder::wall_clock),
//!   [`monotonic_clock`](WasiCtxBuilder::monotonic_clock) and
//!   [`secure_random`](WasiCtxBuilder::secure_random), and streams in memory, what it computes
//!   depends on nothing but what the embedder gives it.
//!
//! Errors are those that Linux gives for the same call of a native program, where there is one.
//!
//! Deliberately absent: hard links to what a symbolic link points to (`EINVAL`), and signals that
//! stop a process to be continued later (`ENOTSUP`).

#![forbid(unsafe_code)]

mod builder;
mod clock;
mod ctx;
mod descriptor;
mod errno;
mod exit;
mod guest;
pub mod p1;
mod perms;
mod rights;
mod stream;
mod threads;

pub use builder::WasiCtxBuilder;
pub use clock::{HostMonotonicClock, HostWallClock};
pub use ctx::WasiCtx;
pub use errno::errno_of;
pub use exit::I32Exit;
pub use p1::add_to_linker;
pub use perms::{DirPerms, FilePerms};
pub use stream::{MemoryInputPipe, MemoryOutputPipe};
pub use threads::{WasiThreadsBuilder, WasiThreadsCtx};
