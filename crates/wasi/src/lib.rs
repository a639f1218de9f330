//! WASI preview 1 (`wasi_snapshot_preview1`) over the public API of `palisade`.
//!
//! A [`WasiCtx`] holds what one guest may see: arguments, environment, standard streams and
//! preopened directories. It lives in the data of a store, and [`add_to_linker`] defines the
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
//!   being absolute or through a symbolic link, give `ENOTCAPABLE`.
//! * Every pointer it passes is checked before a call has any effect; a bad one gives `EFAULT`.
//! * What the host allocates for one call is bounded by constants, not by what the guest asks for.
//! * It can block its thread: a read of an inherited stdin, or a sleep, takes as long as it takes.
//!
//! Deliberately absent: sockets, signals and the narrowing of rights give `ENOTSUP`. Rights are
//! reported, because guests read access modes from them, but they restrict nothing beyond the
//! read or write access a file was opened with.

#![forbid(unsafe_code)]

mod builder;
mod ctx;
mod descriptor;
mod errno;
mod exit;
mod guest;
pub mod p1;
mod stream;

pub use builder::WasiCtxBuilder;
pub use ctx::WasiCtx;
pub use exit::I32Exit;
pub use p1::add_to_linker;
pub use stream::{MemoryInputPipe, MemoryOutputPipe};
