//! Emscripten programs without JavaScript, over the public API of `palisade`.
//!
//! What `emcc` makes is a module and JavaScript that goes with it; this crate is in the place of
//! the JavaScript. An [`Emscripten`] holds what one guest may see: arguments, environment,
//! streams, files. It lives in the data of a store, [`add_to_linker`] defines the functions that a
//! module imports, and a [`Program`] is the module, set up and ready to run.
//!
//! ```
//! use palisade::{Engine, Linker, Module, Store};
//! use palisade_emscripten::{EmscriptenBuilder, Program, add_to_linker};
//! use palisade_wasi::MemoryOutputPipe;
//!
//! let engine = Engine::default();
//! let module = Module::new(
//!     &engine,
//!     r#"(module
//!         (import "wasi_snapshot_preview1" "fd_write"
//!             (func $write (param i32 i32 i32 i32) (result i32)))
//!         (memory (export "memory") 1)
//!         (data (i32.const 0) "\08\00\00\00\05\00\00\00hello")
//!         (func (export "__wasm_call_ctors"))
//!         (func (export "main") (param i32 i32) (result i32)
//!             (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 16))))"#,
//! )?;
//!
//! let mut linker = Linker::new(&engine);
//! add_to_linker(&mut linker, &module, |guest| guest)?;
//! let stdout = MemoryOutputPipe::new(1024);
//! let guest = EmscriptenBuilder::new().arg("hello").stdout(stdout.clone()).build()?;
//! let mut store = Store::new(&engine, guest);
//! let program = Program::instantiate(&mut store, &linker, &module, |guest| guest)?;
//! assert_eq!(program.run(&mut store)?, 0);
//! assert_eq!(stdout.contents(), b"hello");
//! # Ok::<(), palisade::Error>(())
//! ```
//!
//! # What a guest can and cannot do
//!
//! * Its files are in memory, within the limits that the embedder gives, unless folders of the
//!   host are mounted; then it reaches these, and nothing outside of them.
//! * There is no network, and no process but its own. Names of hosts get invented addresses.
//! * Every pointer and length that it passes is checked. A bad one gives `EFAULT` where there is an
//!   error number to give, and a trap elsewhere.
//! * It can block its thread, by reading an inherited stdin or waiting.
//! * It can start threads if the embedder allows that ([`Program::with_threads`]), as many as that
//!   says, and they end with the program.
//! * What it has called later (timers, a main loop) is called by [`Program::run`].
//! * What is JavaScript by nature (`EM_ASM`, `EM_JS`, embind, HTML5, OpenGL, fetch) is refused when
//!   the module is linked.
//!
//! Without WebAssembly's own exceptions, calls in `try` blocks go through the host, and each takes
//! some hundred bytes of its stack more. For programs that recurse deeply that way, and for what
//! runs in JavaScript engines, [`Config::max_wasm_stack`](palisade::Config::max_wasm_stack) may have
//! to be larger than it is.
//!
//! Names and types are those of Emscripten 3.1.6 and of current releases (4.0). Sources are the
//! imports and exports of modules, and the documentation of WASI, the Itanium C++ ABI (exceptions)
//! and musl.
//!
//! Deliberately absent: wasm64, and of asyncify everything but `emscripten_sleep`.

#![forbid(unsafe_code)]

mod bound;
mod builder;
mod ctx;
mod detect;
mod errno;
mod event_loop;
mod exceptions;
mod fs;
mod glue;
mod guest;
mod host;
#[cfg(test)]
mod hostile;
mod import_map;
mod invoke;
mod javascript;
mod link;
mod mapping;
mod memory;
mod names;
mod prepare;
mod program;
mod setup;
mod signature;
mod stream;
mod threads;
mod uncaught;

pub use builder::EmscriptenBuilder;
pub use ctx::{Aborted, Emscripten, OnOom};
pub use detect::{is_emscripten, is_minified};
pub use fs::stat::Layout;
pub use glue::map_of_javascript;
pub use import_map::ImportMap;
pub use link::{Imports, MissingFunction, add_to_linker};
pub use program::Program;
pub use threads::Threads;
pub use uncaught::UncaughtException;
