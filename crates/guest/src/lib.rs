//! Strings, arrays, records and callbacks between a host and its guests, over the public API of
//! `palisade`.
//!
//! A [`Guest`] is an instance with what the host needs of it: its memory, its allocator and stack,
//! its table of functions, found by the names that C, C++, Rust, WASI, Emscripten and
//! AssemblyScript toolchains use.
//!
//! * [`Guest::func`] binds an exported function to Rust's types: numbers, texts, slices, records
//!   ([`GuestArg`] and [`GuestResult`] list them). A call copies only what must be in the guest,
//!   and frees it in any case.
//! * [`Guest::view`] and [`Guest::view_mut`] are the memory: slices of numbers where they are,
//!   texts in several encodings, values of any [`GuestValue`], among them what
//!   `derive(`[`GuestRecord`](derive@GuestRecord)`)` makes of a struct.
//! * [`Guest::scope`], [`Guest::frame`] and [`Guest::alloc`] are memory of the guest that the host
//!   has asked for.
//! * [`Guest::add_callback`] places a closure where the guest can call it.
//! * [`AssemblyScript`] and [`AssemblyScriptEnv`] are for guests in that language.
//!
//! ```
//! use palisade::{Engine, Instance, Module, Store};
//! use palisade_guest::{Freed, Guest};
//!
//! // char *reverse(const char *s), which allocates what it returns
//! # let wasm = std::fs::read("../../tests/guests/wasi/reactor.wasm")?;
//! let engine = Engine::default();
//! let module = Module::new(&engine, wasm)?;
//! let mut store = Store::new(&engine, ());
//! let instance = Instance::new(&mut store, &module, &[])?;
//! let guest = Guest::new(&mut store, instance)?;
//! guest.func::<(), ()>(&mut store, "_initialize")?.call(&mut store, ())?;
//!
//! let reverse = guest.func::<&str, Freed<String>>(&mut store, "reverse")?;
//! assert_eq!(reverse.call(&mut store, "stressed")?.0, "desserts");
//! # Ok::<(), palisade::Error>(())
//! ```
//!
//! # What is checked
//!
//! A guest may give any number for a pointer, a length or an index, and its allocator may give any
//! address. Nothing is read or written outside of its memory, no text is longer than a limit, and
//! nothing that a guest does is a panic here. What a guest's data means is not known: a pointer
//! within its memory may still point to the wrong thing.
//!
//! Views borrow the store, so none outlives a call, in which the memory could grow.
//!
//! # What is not here
//!
//! Shared memories have no views (other threads may change them at any time), so guests with
//! threads are refused. Dynamic linking and the imports of Emscripten's programs are another
//! crate's.

#![forbid(unsafe_code)]

mod address;
mod args;
mod assemblyscript;
mod builder;
mod callback;
mod error;
mod export;
mod flat;
mod func;
mod guest;
mod heap;
mod owned;
mod record;
mod results;
mod scope;
mod stack;
mod text;
mod value;
mod values;
mod view;

pub use address::{Address, GuestPtr, PointsTo};
pub use args::{GuestArg, Latin1, Utf16, WithLen};
pub use assemblyscript::{
    AsAbort, AsArray, AsObject, AsStr, AsString, AsVec, AssemblyScript, AssemblyScriptEnv, Level,
    ObjectView,
};
pub use builder::{DEFAULT_STACK_LIMIT, GuestBuilder};
pub use callback::{Callback, IntoCallback};
pub use error::{AccessError, GuestError};
pub use flat::{One, Two};
pub use func::{Entry, GuestFunc, GuestParams, GuestResults};
pub use guest::Guest;
pub use heap::GuestAlloc;
pub use owned::GuestBox;
pub use palisade_guest_derive::GuestRecord;
pub use record::{Field, GuestRecord, RecordLayout};
pub use results::{Freed, GuestResult};
pub use scope::Scope;
pub use text::{Encoding, Extent};
pub use value::{GuestValue, Number};
pub use values::Values;
pub use view::{DEFAULT_TEXT_LIMIT, View, ViewMut};

/// The examples of the guide compile, and run where they can.
#[cfg(doctest)]
#[doc = include_str!("../../../docs/guest.md")]
struct Guide;
