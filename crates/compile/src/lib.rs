//! From bytes to machine code, as plain data.
//!
//! [`decode`] validates a module and gives its metadata; a [`Compiler`] turns its functions into a [`Text`]. The only
//! crate that names Cranelift's intermediate representation. Nothing here runs code or knows the operating system.

#![forbid(unsafe_code)]

mod codegen;
mod decode;
mod names;

mod bounds;
mod branch_hints;
mod copies;
mod env;
mod flow;
mod function;
mod ops;
mod range;
mod settle;
mod signature;
mod state;
mod survey;
mod trampoline;

mod error;
mod layout;

#[cfg(test)]
mod golden;

pub use bounds::{MEMORY_GUARD_BYTES, required_reservation};
pub use codegen::{Compiler, CompilerOptions, OptLevel};
pub use decode::{Features, decode, decode_again, validate};
pub use error::CompileError;
pub use layout::{CallSite, CompiledFunction, Item, Text};
pub use names::function_names;
pub use survey::{Survey, survey};
pub use trampoline::{SLOT_SIZE, TrampolineKind};
